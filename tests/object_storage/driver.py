"""A driver in a process of its own: command lines come in, one JSON list a line.

The session is what PYSPARK_SUBMIT_ARGS say.
"""

import json
import sys

from pyspark.sql import SparkSession

from customer_mart.cli import main

SparkSession.builder.getOrCreate()
sys.stdout.write("READY\n")
sys.stdout.flush()
for line in sys.stdin:
    sys.stdout.write(f"EXIT {main(json.loads(line))}\n")
    sys.stdout.flush()
