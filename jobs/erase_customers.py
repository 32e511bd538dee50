"""Erase customers from the mart's tables, and keep later runs from bringing them back.

The same as `customer-mart erase`, by hand or with spark-submit; on Databricks a task calls the
wheel's entry point `customer-mart-task` with these arguments.
"""

import sys

from customer_mart.cli import main

if __name__ == "__main__":
    sys.exit(main(["erase", *sys.argv[1:]]))
