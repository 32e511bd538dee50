"""Build dim_customer alone from the staging tables.

Takes the flags of `customer-mart build`, by hand, with spark-submit or as a Databricks task.
"""

import sys

from customer_mart.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job("dim_customer"))
