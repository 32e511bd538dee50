"""Build customer_ltv_scoring alone from the dim_customer that was published last.

Takes the flags of `customer-mart build` but for --sources and --mode, by hand, with spark-submit
or as a Databricks task.
"""

import sys

from customer_mart.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("customer_ltv_scoring"))
