"""Maintain the mart's tables: compact small files, delete files that nobody needs any more.

The same as `customer-mart maintain`, by hand or with spark-submit; on Databricks tasks call the
wheel's entry point `customer-mart-task` with these arguments (resources/).
"""

import sys

from customer_mart.cli import main

if __name__ == "__main__":
    sys.exit(main(["maintain", *sys.argv[1:]]))
