"""The staging tables of a made-up lottery operator: realistic, a little dirty, repeatable.

Every value is a hash of (seed, attribute, row), so the rows are the same whatever the
partitioning, and a cluster makes any number of them from one `spark.range` without a shuffle
(in client mode: the modules it is made of are beside it).

The model: customers sign up, many after a campaign touched them; most become players, who
visit at a pace of their own until they lose interest. A visit may top up the account, buy
tickets and leave a web event. Jackpot runs draw everybody in and make many buy the running
game. Times are epoch milliseconds until a table is laid out, money is in the table's unit.
"""

import argparse
import os
import sys
from datetime import datetime, timezone
from pathlib import Path

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.generating.games import GAMES  # noqa: E402 - needs the path above
from scripts.generating.staging import staging_tables  # noqa: E402

NEEDED = {
    "spark.sql.session.timeZone": "UTC",
    # Whole-stage code of these expressions is too long for the JVM to compile: twice the time.
    "spark.sql.codegen.wholeStage": "false",
}
# No web server, and the terminal for the summary.
LAPTOP = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}
DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
CSV_OPTIONS = {
    "header": True,
    # Blanks around an id are part of the data.
    "ignoreLeadingWhiteSpace": False,
    "ignoreTrailingWhiteSpace": False,
}


def spark_session(file_format: str) -> SparkSession:
    """The session that is there or that spark-submit prepared, else a local one."""
    running = SparkSession.getActiveSession()
    if running is not None:
        for name, value in NEEDED.items():
            running.conf.set(name, value)
        return running
    builder = SparkSession.builder.appName("generate_data").config(map={**NEEDED})
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        return builder.getOrCreate()
    builder = builder.master("local[*]").config(map={**LAPTOP})
    if file_format == "delta":
        from delta import configure_spark_with_delta_pip  # noqa: PLC0415 - not on every cluster

        builder = configure_spark_with_delta_pip(builder.config(map={**DELTA}))
    return builder.getOrCreate()


def written_rows(table: DataFrame, path: str, file_format: str) -> int:
    """The number of rows written to the path, counted on the way."""
    written = Observation()
    observed = table.observe(written, F.count(F.lit(1)).alias("rows"))
    options = CSV_OPTIONS if file_format == "csv" else {}
    observed.write.mode("overwrite").format(file_format).options(**options).save(path)
    return int(written.get["rows"])


def instant(text: str) -> datetime:
    """The instant an ISO 8601 text names; without an offset it is UTC's."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", required=True, help="directory or URI that gets the tables")
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--as-of", type=instant, default="2025-01-01T00:00:00Z")
    parser.add_argument("--format", choices=("parquet", "delta", "csv"), default="parquet")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    spark = spark_session(args.format)
    ids, games = spark.range(args.customers), spark.range(GAMES)
    for name, table in staging_tables(ids, games, args.seed, args.as_of).items():
        rows = written_rows(table, f"{args.out}/{name}", args.format)
        print(f"{name}: {rows:,} rows")


if __name__ == "__main__":
    main()
