"""Build customer_ltv_scoring alone from the dim_customer that was published last.

The same as `customer-mart build --only customer_ltv_scoring`, by hand or with spark-submit; on
Databricks tasks call the wheel's entry point `customer-mart-task` with these arguments. It takes
the other flags of a build, so that one line of a scheduler fits them all; --sources and --mode
change nothing, because scores are made of dim_customer alone, and of everybody.
"""

import sys

from customer_mart.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("customer_ltv_scoring"))
