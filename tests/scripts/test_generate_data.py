"""The generated tables: repeatable, typed as the contract says, and dirty in every known way."""

import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from scripts.generate_data import main, written_rows
from scripts.generating.customers import customers
from scripts.generating.staging import staging_tables, stg_signups

Tables = Mapping[str, DataFrame]

AS_OF = datetime(2025, 1, 1, tzinfo=timezone.utc)
CUSTOMERS = 3_000
SOURCES = ("stg_signups", "stg_deposits", "stg_ticket_purchases", "stg_web_events")
# Each source's key, time and, where it has one, amount.
KEYS = {
    "stg_signups": ("user_id", "signup_timestamp", None),
    "stg_deposits": ("deposit_id", "deposit_timestamp", "deposit_amount_minor"),
    "stg_ticket_purchases": ("purchase_id", "purchase_timestamp", "purchase_amount_usd"),
    "stg_web_events": ("event_id", "event_timestamp", None),
}


@pytest.fixture(scope="module", autouse=True)
def quick_compilation(spark: SparkSession) -> Iterator[None]:
    """What the script sets for itself, taken back after these tests."""
    spark.conf.set("spark.sql.codegen.wholeStage", "false")
    yield
    spark.conf.unset("spark.sql.codegen.wholeStage")


@pytest.fixture(scope="module")
def games(spark: SparkSession) -> DataFrame:
    return spark.range(40)


@pytest.fixture(scope="module")
def generated(spark: SparkSession, games: DataFrame) -> Tables:
    return staging_tables(spark.range(0, 300, 1, 1), games, 7, AS_OF)


@pytest.fixture(scope="module")
def staged(
    spark: SparkSession, games: DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Tables:
    """Enough rows for the rarest defect, which three in ten thousand have."""
    folder = tmp_path_factory.mktemp("staged")
    tables = staging_tables(spark.range(CUSTOMERS), games, 7, AS_OF)
    # Signups are the fewest rows, and cheap.
    tables["stg_signups"] = stg_signups(customers(spark.range(30_000), 7, AS_OF), 7, AS_OF)
    for name, table in tables.items():
        table.write.parquet(str(folder / name))
    return {name: spark.read.parquet(str(folder / name)) for name in tables}


def fingerprints(tables: Tables) -> dict[str, Row | None]:
    """Per table, what does not depend on the order of its rows: their number and their hash."""
    rows, content = F.count(F.lit(1)), F.xxhash64("*").cast("decimal(38,0)")
    return {name: table.agg(rows, F.sum(content)).first() for name, table in tables.items()}


def keyed(staged: Tables, source: str) -> DataFrame:
    """The source's rows with `key`, `owner`, `time`, `amount`, and the owner's `signup`."""
    key, time, amount = KEYS[source]
    signups = (
        staged["stg_signups"]
        .where("signup_timestamp > '1990-01-01'")
        .groupBy(F.trim("user_id").alias("owner"))
        .agg(F.min("signup_timestamp").alias("signup"))
    )
    rows = staged[source].select(
        F.trim("user_id").alias("owner"),
        F.col("user_id").alias("owner_as_read"),
        F.col(key).alias("key_as_read"),
        F.trim(key).alias("key"),
        F.col(time).alias("time"),
        (F.col(amount) if amount else F.lit(1)).alias("amount"),
        F.struct(*(c for c in staged[source].columns if c not in {key, "user_id"})).alias("rest"),
    )
    return rows.join(signups, "owner", how="left")


CONTRACT = {
    "stg_signups": {"user_id": "string", "signup_timestamp": "timestamp", "country": "string"},
    "stg_deposits": {
        "deposit_id": "string",
        "user_id": "string",
        "deposit_timestamp": "timestamp",
        "deposit_amount_minor": "bigint",
    },
    "stg_ticket_purchases": {
        "purchase_id": "string",
        "user_id": "string",
        "game_id": "string",
        "purchase_timestamp": "timestamp",
        "purchase_amount_usd": "decimal(18,2)",
    },
    "stg_web_events": {
        "event_id": "string",
        "user_id": "string",
        "event_timestamp": "timestamp",
        "utm_campaign": "string",
    },
    "stg_games": {"game_id": "string", "game_name": "string", "jackpot_estimate_minor": "bigint"},
}


def test_the_tables_have_the_columns_and_types_of_the_contract(generated: Tables) -> None:
    assert {name: list(table.dtypes) for name, table in generated.items()} == {
        name: list(columns.items()) for name, columns in CONTRACT.items()
    }


def test_a_seed_gives_the_same_rows_whatever_the_partitioning(
    spark: SparkSession, games: DataFrame, generated: Tables
) -> None:
    shuffled = staging_tables(
        spark.range(300).repartition(5, F.hash("id")), games.repartition(3), 7, AS_OF
    )
    assert fingerprints(shuffled) == fingerprints(generated)


def test_another_seed_gives_other_rows(
    spark: SparkSession, games: DataFrame, generated: Tables
) -> None:
    other = fingerprints(staging_tables(spark.range(300), games, 8, AS_OF))
    assert not other.items() & fingerprints(generated).items()


ON_EVERY_SOURCE = {
    "no key": "key_as_read IS NULL",
    "blank key": "key_as_read IS NOT NULL AND key = ''",
    "padded id": "key <> '' AND key_as_read <> key",
    "no time": "time IS NULL",
    "ancient time": "time < '1990-01-01'",
    "not yet": "time > '2025-01-01'",
}
ON_FACTS = {
    "orphan": "owner <> '' AND signup IS NULL",
    "at as_of": "time = '2025-01-01'",
}
ON_EVENTS = {
    "anonymous": "owner IS NULL",
    "not yet a customer": "time < '2025-01-01' AND signup >= '2025-01-01'",
}
ON_PAYMENTS = {
    "no owner": "owner_as_read IS NULL",
    "blank owner": "owner_as_read IS NOT NULL AND owner = ''",
    "no amount": "amount IS NULL",
    "negative amount": "amount < 0",
    "before signup": "time > '1990-01-01' AND time < signup",
}


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("stg_signups", ON_EVERY_SOURCE),
        ("stg_web_events", {**ON_EVERY_SOURCE, **ON_FACTS, **ON_EVENTS}),
        ("stg_deposits", {**ON_EVERY_SOURCE, **ON_FACTS, **ON_PAYMENTS}),
        (
            "stg_ticket_purchases",
            {**ON_EVERY_SOURCE, **ON_FACTS, **ON_PAYMENTS, "game": "rest.game_id = 'g999'"},
        ),
    ],
)
def test_a_source_has_every_kind_of_bad_row(
    staged: Tables, source: str, kinds: Mapping[str, str]
) -> None:
    found = keyed(staged, source).agg(
        *(F.count_if(F.expr(condition)).alias(kind) for kind, condition in kinds.items())
    )
    row = found.first()
    assert row is not None
    assert {kind for kind in kinds if not row[kind]} == set()


@pytest.mark.parametrize("source", SOURCES)
def test_some_rows_come_twice_and_some_come_again_with_other_content(
    staged: Tables, source: str
) -> None:
    versions = (
        keyed(staged, source)
        .where("key <> '' AND time > '1990-01-01'")
        .groupBy("key")
        .agg(
            F.count("key").alias("deliveries"),
            F.countDistinct("rest").alias("contents"),
        )
    )
    assert not versions.where("deliveries = 2 AND contents = 1").isEmpty()
    assert not versions.where("deliveries = 2 AND contents = 2").isEmpty()


@pytest.mark.parametrize("source", SOURCES)
def test_less_than_half_a_percent_of_a_source_is_quarantined(staged: Tables, source: str) -> None:
    needs_owner = source != "stg_web_events"
    rows = keyed(staged, source)
    is_bad = (
        "coalesce(key, '') = '' OR time IS NULL OR time < '1990-01-01' "
        "OR amount IS NULL OR amount < 0 OR (owner IS NOT NULL AND signup IS NULL)"
    )
    good = rows.where(f"NOT ({is_bad})" + (" AND owner <> ''" if needs_owner else ""))
    total = rows.count()
    changed = good.select("key", "rest").distinct().count() - good.select("key").distinct().count()
    share = (total - good.count() + changed) / total
    assert 0.0005 < share < 0.005


def test_no_game_repeats_and_six_have_a_high_jackpot(staged: Tables) -> None:
    games = staged["stg_games"]
    jackpots = sorted(row["jackpot_estimate_minor"] for row in games.toLocalIterator())
    assert games.select("game_id").distinct().count() == 40
    assert jackpots[0] > 0
    assert [j >= 1_000_000 for j in jackpots].count(True) == 6
    assert 1_000_000 in jackpots


def test_the_volumes_per_customer_are_those_of_an_operator(staged: Tables) -> None:
    deposits, purchases, events = (staged[name].count() / CUSTOMERS for name in SOURCES[1:])
    anonymous = staged["stg_web_events"].where("user_id IS NULL").count() / CUSTOMERS
    assert 3 < deposits < 7
    assert 15 < purchases < 25
    assert 25 < events < 35
    assert 0.4 < anonymous / events < 0.5


@pytest.mark.parametrize("file_format", ["parquet", "delta", "csv"])
def test_a_written_table_is_counted(generated: Tables, tmp_path: Path, file_format: str) -> None:
    assert written_rows(generated["stg_games"], str(tmp_path / "stg_games"), file_format) == 40


def test_the_script_writes_the_tables_and_says_how_many_rows(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ["--out", str(tmp_path), "--customers", "20", "--format", "csv"]
    monkeypatch.setattr(sys, "argv", ["generate_data.py", *flags])

    main()

    printed = dict(line.split(": ") for line in capsys.readouterr().out.splitlines())
    reader = spark.read.option("header", value=True)
    rows = {name: reader.csv(str(tmp_path / name)).count() for name in CONTRACT}
    assert printed == {name: f"{count:,} rows" for name, count in rows.items()}
