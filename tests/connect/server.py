"""A Spark Connect server in a process of its own, as serverless compute has one elsewhere."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.processes import own_environment

# The server ends when its standard input does, so that no test run can leave one behind.
SERVE = """
import json, sys
from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession

builder = SparkSession.builder.master("local[2]")
for name, value in json.loads(sys.argv[1]).items():
    builder = builder.config(name, value)
spark = configure_spark_with_delta_pip(builder).getOrCreate()
service = getattr(spark._jvm, "org.apache.spark.sql.connect.service.SparkConnectService$")
print("port", getattr(service, "MODULE$").localPort(), flush=True)
sys.stdin.read()
"""
SERVER = {
    # At ERROR it logs the stack of every error that a client is told, expected ones included.
    "spark.log.level": "FATAL",
    "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
    "spark.connect.grpc.binding.port": "0",  # one that is free
}


@contextmanager
def connect_server(settings: Mapping[str, str]) -> Iterator[str]:
    """The address of a server that was started with the settings, static ones included."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, json.dumps({**settings, **SERVER})],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=own_environment(),
    )
    with process:
        assert process.stdout
        # Ivy, too, speaks on standard output.
        words = next((line.split() for line in process.stdout if line.startswith("port ")), None)
        assert words, "the Connect server ended before it was ready"
        yield f"sc://localhost:{words[1]}"
