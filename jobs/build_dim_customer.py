"""Build dim_customer alone from the staging tables.

The same as `customer-mart build --only dim_customer`, by hand or with spark-submit; on Databricks
tasks call the wheel's entry point `customer-mart-task` with these arguments.
"""

import sys

from customer_mart.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("dim_customer"))
