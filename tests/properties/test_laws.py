"""Laws: what the order, the files, the partitions and the redelivery of rows may not change."""

import random
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from customer_mart.run import start_run
from customer_mart.session_setting import session_setting
from customer_mart.settings import load_settings
from customer_mart.steps.open_sources import open_sources
from customer_mart.steps.publish_scores import scoring_of
from customer_mart.steps.stage_dim_customer import stage_dim_customer
from customer_mart.steps.stage_sources import stage_customers
from tests.frames import staging, utc
from tests.interpreted import interpreted
from tests.jobs.operator_data import in_utc
from tests.oracle.oracle import reference_mart

AS_OF = datetime(2025, 1, 1, tzinfo=timezone.utc)
FIRST, LATER = utc("2024-12-01 00:00:00"), utc("2024-12-08 00:00:00")
Rows = list[tuple[Any, ...]]

users = st.sampled_from(["ann", "bob", " ann", "cyd", "nobody", None])
# Few instants, so that ties, bounds and rows exactly at the as-of instant are common.
instants = st.sampled_from(
    [
        None,
        utc("1980-01-01 00:00:00"),
        utc("2024-11-30 23:59:59.999999"),
        utc("2024-12-01 00:00:00"),
        utc("2024-12-08 00:00:00"),
        utc("2024-12-31 00:00:00"),
        utc("2025-01-01 00:00:00"),
    ]
)
keys = st.sampled_from(["1", "2", "3", "4", "5", None])
dollars = st.sampled_from([Decimal("0.01"), Decimal("5.00"), Decimal("33.33"), Decimal(-1), None])
cents = st.sampled_from([0, 1, 500, -1, None])
games = st.sampled_from(["g1", "g2", "gone", None])
campaigns = st.sampled_from(["a", "b", None])
countries = st.sampled_from(["UK", " ", None])


def table(*columns: st.SearchStrategy[Any]) -> st.SearchStrategy[Rows]:
    return st.lists(st.tuples(*columns), max_size=12)


deliveries = st.fixed_dictionaries(
    {
        "stg_signups": table(users, instants, countries),
        "stg_deposits": table(keys, users, instants, cents),
        "stg_ticket_purchases": table(keys, users, games, instants, dollars),
        "stg_web_events": table(keys, users, instants, campaigns),
        "stg_games": st.just([("g1", "One", 1_000_000), ("g2", "Two", 999_999)]),
    }
)


@dataclass(frozen=True)
class Variant:
    """Another way to deliver the same rows and to run over them."""

    seed: int
    files: int
    partitions: int
    extra_column: bool
    redelivered: bool
    adaptive: bool = True
    compiled: bool = True


variants = st.builds(
    Variant,
    seed=st.integers(0, 1000),
    files=st.integers(1, 4),
    partitions=st.sampled_from([1, 3, 7]),
    extra_column=st.booleans(),
    redelivered=st.booleans(),
)
PLAIN = Variant(seed=0, files=1, partitions=4, extra_column=False, redelivered=False)


def mart(
    spark: SparkSession, folder: Path, delivery: dict[str, Rows], variant: Variant
) -> list[list[dict[str, Any]]]:
    """The rows of both tables before they are published."""
    for name, rows in delivery.items():
        deliver(spark, folder / name, name, rows, variant)
    return computed(spark, folder, variant)


def computed(spark: SparkSession, folder: Path, variant: Variant) -> list[list[dict[str, Any]]]:
    """The rows of both tables, of what has been delivered."""
    places = {"sources": str(folder), "mart": str(folder / "mart")}
    partitions, adaptive = str(variant.partitions), str(variant.adaptive).lower()
    with ExitStack() as stack:
        stack.enter_context(session_setting(spark, "spark.sql.shuffle.partitions", partitions))
        stack.enter_context(session_setting(spark, "spark.sql.adaptive.enabled", adaptive))
        if not variant.compiled:
            stack.enter_context(interpreted(spark))
        run = start_run(spark, load_settings(None, [], places), AS_OF)
        customers = stage_dim_customer(run, stage_customers(run, open_sources(run))).rows
        frames = [customers, scoring_of(run, customers)]
        by_user = [frame.drop("dbt_updated_at").orderBy("user_id").collect() for frame in frames]
        found = [[in_utc(row.asDict()) for row in rows] for rows in by_user]
        run.staging.clear()
    assert all(balance.is_balanced for balance in run.record.balances)
    return found


def deliver(spark: SparkSession, place: Path, name: str, rows: Rows, variant: Variant) -> None:
    mixed = list(rows)
    if variant.redelivered and name != "stg_games":
        mixed += rows
    random.Random(variant.seed).shuffle(mixed)
    frame = staging(spark, name, mixed).repartition(variant.files)
    if variant.extra_column:
        frame = frame.withColumn("loaded_by", F.lit("somebody"))
    frame.write.mode("overwrite").parquet(str(place))


@pytest.mark.slow
@settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(delivery=deliveries, variant=variants)
def test_the_same_rows_in_any_order_files_and_partitions_make_the_same_mart(
    spark: SparkSession,
    tmp_path_factory: pytest.TempPathFactory,
    delivery: dict[str, Rows],
    variant: Variant,
) -> None:
    folder = tmp_path_factory.mktemp("laws")
    plain = mart(spark, folder / "plain", delivery, PLAIN)
    reference = reference_mart(folder / "plain", AS_OF)
    assert plain == [reference.dim_customer, reference.customer_ltv_scoring]
    assert mart(spark, folder / "varied", delivery, variant) == plain


# Ties of every order the tables know, redeliveries, and one key with other content.
TIED: dict[str, Rows] = {
    "stg_signups": [
        ("ann", FIRST, "UK"),
        ("ann", FIRST, "DE"),
        *((f"u{number}", FIRST, "SE") for number in range(20)),
    ],
    "stg_deposits": [
        ("1", "ann", FIRST, 5),
        ("2", "ann", FIRST, 7),
        ("2", "bob", FIRST, 7),
        *((f"d{number}", f"u{number % 7}", FIRST, number) for number in range(40)),
    ],
    "stg_ticket_purchases": [
        ("1", "ann", "g1", LATER, Decimal("0.01")),
        ("1", "ann", "g2", LATER, Decimal("33.33")),
        *((f"p{n}", f"u{n % 9}", f"g{n % 3}", LATER, Decimal(n) / 100) for n in range(60)),
    ],
    "stg_web_events": [
        ("1", "ann", FIRST, "a"),
        ("1", "ann", FIRST, "b"),
        *((f"e{n}", f"u{n % 5}", (FIRST, LATER)[n % 2], "abc"[n % 3]) for n in range(60)),
    ],
    "stg_games": [("g1", "One", 1_000_000), ("g2", "Two", 999_999)],
}
# The order of the rows, the number of files, and whether Spark compiles its queries.
DELIVERIES = [(1, 1, True), (2, 4, False)]
PARTITIONS = (1, 3, 7, 20, 50)


@pytest.mark.slow
def test_twenty_runs_in_any_partitions_adaptive_compiled_or_not_give_the_same_rows(
    spark: SparkSession, tmp_path: Path
) -> None:
    plain = mart(spark, tmp_path, TIED, PLAIN)
    reference = reference_mart(tmp_path, AS_OF)
    assert plain == [reference.dim_customer, reference.customer_ltv_scoring]
    for seed, files, compiled in DELIVERIES:
        shuffled = replace(PLAIN, seed=seed, files=files, redelivered=True, compiled=compiled)
        for name, rows in TIED.items():
            deliver(spark, tmp_path / name, name, rows, shuffled)
        for adaptive, partitions in product((True, False), PARTITIONS):
            variant = replace(shuffled, adaptive=adaptive, partitions=partitions)
            assert computed(spark, tmp_path, variant) == plain, variant
