"""The contenders: what each does with the sources, below one folder of output."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import duckdb
from pyspark.sql import DataFrame, SparkSession

from customer_mart.contracts import STAGING_TABLES
from customer_mart.pipeline import (
    build_customer_ltv_scoring,
    build_customer_mart,
    build_dim_customer,
)
from customer_mart.recording import Build, recorded
from customer_mart.run import Mode, start_run
from customer_mart.session import TUNED
from customer_mart.settings import load_settings
from scripts.benchmarking.changes import (
    Preparation,
    changing_sources,
    fresh_sources,
    touched_sources,
)
from scripts.benchmarking.data_set import AS_OF
from scripts.benchmarking.plain_dim_customer import plain_dim_customer

# What dim_customer needs of each source; the bare scan reads no more.
NEEDED = {
    "stg_signups": ("user_id", "signup_timestamp", "country"),
    "stg_deposits": ("deposit_id", "user_id", "deposit_timestamp", "deposit_amount_minor"),
    "stg_ticket_purchases": ("user_id", "game_id", "purchase_timestamp", "purchase_amount_usd"),
    "stg_web_events": ("event_id", "user_id", "event_timestamp", "utm_campaign"),
    "stg_games": ("game_id", "jackpot_estimate_minor"),
}
SQL = Path(__file__).parent
PLAIN_PARTITIONS = "32"
# The seconds that each stage of a run took, by its name; nothing of work without stages.
Stages = Mapping[str, float]
SparkWork = Callable[[SparkSession, Path, Path], Stages]


def scan(spark: SparkSession, sources: Path, _: Path) -> Stages:
    """Reads what everybody has to read, and drops it."""
    for name, columns in NEEDED.items():
        needed = spark.read.parquet(str(sources / name)).select(*columns)
        needed.write.format("noop").mode("overwrite").save()
    return {}


def plain(spark: SparkSession, sources: Path, output: Path) -> Stages:
    """The plain translation, written as a partitioned Delta table.

    Every task writes a file into every date, so that it gets the fewer and larger partitions which
    suit it: with those that suit this project it takes longer. It has Spark's own defaults
    in place of what this project sets for its plans.
    """
    spark.conf.set("spark.sql.shuffle.partitions", PLAIN_PARTITIONS)
    for name in ("spark.sql.adaptive.advisoryPartitionSizeInBytes", *TUNED):
        spark.conf.unset(name)
    tables: Mapping[str, DataFrame] = {
        name: spark.read.parquet(str(sources / name)) for name in NEEDED
    }
    customers = plain_dim_customer(tables, AS_OF)
    write = customers.write.format("delta").partitionBy("signup_date").mode("overwrite")
    write.save(str(output / "dim_customer"))
    return {}


def dim_customer(spark: SparkSession, sources: Path, output: Path) -> Stages:
    """This project's, told that every source's key is unique."""
    unique = [f"sources.{name}.unique=true" for name in STAGING_TABLES]
    return build(spark, build_dim_customer, sources, output, unique)


def dim_customer_without_aqe(spark: SparkSession, sources: Path, output: Path) -> Stages:
    """The same with adaptive execution off: no partitions are merged, no joins changed."""
    spark.conf.set("spark.sql.adaptive.enabled", "false")
    return dim_customer(spark, sources, output)


def dim_customer_deduplicated(spark: SparkSession, sources: Path, output: Path) -> Stages:
    """This project's, which looks for duplicates."""
    return build(spark, build_dim_customer, sources, output)


def customer_ltv_scoring(spark: SparkSession, sources: Path, output: Path) -> Stages:
    """This project's, of the dim_customer that is in the output."""
    return build(spark, build_customer_ltv_scoring, sources, output)


def customer_mart(spark: SparkSession, sources: Path, output: Path) -> Stages:
    """This project's, both tables, rebuilt."""
    return build(spark, build_customer_mart, sources, output)


def incremental(spark: SparkSession, sources: Path, output: Path) -> Stages:
    """This project's, both tables, brought up to date from what changed; or it fails."""
    return build(spark, build_customer_mart, sources, output, mode="incremental")


def build(
    spark: SparkSession,
    table: Build,
    sources: Path,
    mart: Path,
    overrides: Sequence[str] = (),
    mode: Mode = "full",
) -> Stages:
    locations = {"sources": str(sources), "mart": str(mart)}
    settings = load_settings(None, overrides, locations)
    run = start_run(spark, settings, AS_OF, mode)
    recorded(run, table)
    return run.progress.durations


def duckdb_dim_customer(sources: Path, output: Path, memory: str, scratch: Path) -> None:
    """DuckDB over the same files, on all cores, with the memory that Spark has."""
    result = output / "dim_customer" / "dim_customer.parquet"
    result.parent.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET memory_limit = ?", [f"{memory}ib"])
        connection.execute("SET temp_directory = ?", [str(scratch)])
        connection.execute("SET VARIABLE as_of = ?", [AS_OF.replace(tzinfo=None)])
        for name in NEEDED:
            connection.read_parquet(str(sources / name / "*.parquet")).create_view(name)
        connection.execute((SQL / "macros.sql").read_text())
        connection.sql((SQL / "dim_customer.sql").read_text()).write_parquet(str(result))


DUCKDB, OURS, SCORING = "duckdb", "dim_customer", "customer_ltv_scoring"
DEDUPLICATED, WITHOUT_AQE = "dim_customer_deduplicated", "dim_customer_without_aqe"
PLAIN = "plain"
FULL, REBUILT, UNCHANGED = "customer_mart", "customer_mart_rebuilt", "incremental_unchanged"
# By contender, the share of customers that the changes before it touch.
TOUCHED = {"incremental_0.1_percent": 0.001, "incremental_1_percent": 0.01}
INCREMENTAL = (UNCHANGED, *TOUCHED)
SPARK_WORK: dict[str, SparkWork] = {
    "scan": scan,
    PLAIN: plain,
    OURS: dim_customer,
    DEDUPLICATED: dim_customer_deduplicated,
    SCORING: customer_ltv_scoring,
    WITHOUT_AQE: dim_customer_without_aqe,
    FULL: customer_mart,
    **dict.fromkeys(INCREMENTAL, incremental),
    REBUILT: customer_mart,
}
# What a contender does to the sources before its time is taken, and where they are then.
PREPARATIONS: dict[str, Preparation] = {
    FULL: fresh_sources,
    UNCHANGED: changing_sources,
    **{name: partial(touched_sources, share=share) for name, share in TOUCHED.items()},
    REBUILT: changing_sources,
}
# Whose output a contender goes on with.
GOES_ON_WITH = {SCORING: OURS, **dict.fromkeys(INCREMENTAL, FULL)}
# Whose sources a contender finds: to warm up, those have to be made first.
FINDS_SOURCES_OF = {**GOES_ON_WITH, REBUILT: FULL}
# In the order in which they run: the scores need the dim_customer that was built before.
CONTENDERS = ("scan", DUCKDB, *list(SPARK_WORK)[1:])
BASE = CONTENDERS[: CONTENDERS.index(SCORING) + 1]
DIM_MAKERS = (DUCKDB, PLAIN, OURS, DEDUPLICATED, WITHOUT_AQE, FULL, REBUILT)
# Those of incremental runs are in what the full build before them made.
SCORE_MAKERS = (SCORING, FULL, REBUILT)
