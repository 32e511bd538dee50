"""Build dim_customer alone from the staging tables.

Takes the flags of `customer-mart build`, by hand or with spark-submit; on Databricks tasks call
the wheel's entry point `customer-mart-task` instead (resources/).
"""

import sys

from customer_mart.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("dim_customer"))
