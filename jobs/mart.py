"""Any command of `customer-mart` in a session that spark-submit starts.

    spark-submit --properties-file conf/spark-s3.conf jobs/mart.py status --mart s3a://lake/mart

For what `customer-mart` alone cannot reach: it starts a session of its own on this machine, which
has no store's jars and no catalog that lasts.
"""

import sys

from customer_mart.cli import main

if __name__ == "__main__":
    sys.exit(main())
