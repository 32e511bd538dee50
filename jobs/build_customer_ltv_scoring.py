"""Build customer_ltv_scoring alone from the dim_customer that was published last.

Takes the flags of `customer-mart build`, so that one line of a scheduler fits every build;
--sources and --mode change nothing, for scores are made of dim_customer alone and of everybody.
By hand or with spark-submit; on Databricks tasks call the wheel's entry point
`customer-mart-task` instead (resources/).
"""

import sys

from customer_mart.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("customer_ltv_scoring"))
