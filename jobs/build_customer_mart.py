"""Build dim_customer and customer_ltv_scoring from the staging tables.

The same as `customer-mart build`, by hand or with spark-submit; on Databricks tasks call the
wheel's entry point `customer-mart-task` with these arguments (resources/).
"""

import sys

from customer_mart.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("customer_mart"))
