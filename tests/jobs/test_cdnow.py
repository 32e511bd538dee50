"""Real customers: the CDNOW purchase log, with totals taken from its text file by other means.

The totals below come from awk and from Python's decimal over the log's lines.
"""

from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from scripts import load_cdnow
from tests.jobs.operator_data import Operator, in_utc

CDNOW_AS_OF = datetime(1998, 7, 1, tzinfo=timezone.utc)

CUSTOMERS = 23_570
PURCHASES = 69_659
TOTAL_USD = Decimal("2500315.63")
FIRST_PURCHASE = datetime(1997, 1, 1, tzinfo=timezone.utc)
LAST_PURCHASE = datetime(1998, 6, 30, tzinfo=timezone.utc)
PURCHASES_FOR_NOTHING = 80  # with an amount of 0.00, which is valid
# Purchases that repeat the customer, the day and the amount of an earlier one.
REPEATED_PURCHASES = 255

CUSTOMER_SEGMENTS = {"High Value": 1_154, "Medium Value": 6_429, "Low Value": 15_987}
# By days from the last purchase to CDNOW_AS_OF: at most 7, 30, 90, 180, and more.
RECENCY_SCORES = {5: 334, 4: 1_172, 3: 1_795, 2: 2_059, 1: 18_210}

# The customers with the highest total and with the most purchases: purchases, USD.
BIGGEST_SPENDER = "07592"
BIGGEST_SPENDER_TOTALS = (201, Decimal("13990.93"))
MOST_FREQUENT_BUYER = "14048"
MOST_FREQUENT_BUYER_TOTALS = (217, Decimal("8976.33"))

# Distinct days; customer 00499 bought 110 times, 25 of them a repetition.
PURCHASE_DAYS = {"00499": 44, MOST_FREQUENT_BUYER: 171}

# 137.53 / 8 = 17.19125: half up and half even differ.
CUSTOMER_00025: dict[str, Any] = {
    "total_purchases": 8,
    "total_purchase_amount_usd": Decimal("137.53"),
    "first_purchase_timestamp": datetime(1997, 1, 1, tzinfo=timezone.utc),
    "last_purchase_timestamp": datetime(1998, 6, 8, tzinfo=timezone.utc),
    "avg_purchase_amount_usd": Decimal("17.1913"),
    "longest_purchase_gap_days": 198.0,
    "purchase_days": 8,
}


@pytest.fixture(scope="module")
def cdnow_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The five staging tables that the loader makes of the log."""
    sources = tmp_path_factory.mktemp("cdnow")
    lines = load_cdnow.log_file().read_text(encoding="ascii").splitlines()
    load_cdnow.write_tables(load_cdnow.purchases(lines), sources)
    return sources


@pytest.fixture(scope="module")
def loaded(cdnow_sources: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The loader's tables under their names."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table in load_cdnow.TABLES:
            files = connection.read_parquet(str(cdnow_sources / table / "*.parquet"))
            files.create_view(table)
        yield connection


def one(loaded: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    (row,) = loaded.sql(query).fetchall()
    return tuple(row)


def counts(loaded: duckdb.DuckDBPyConnection, query: str) -> dict[Any, int]:
    return dict(loaded.sql(query).fetchall())


def test_the_loaded_purchases_are_those_of_the_log(loaded: duckdb.DuckDBPyConnection) -> None:
    assert one(
        loaded,
        """
        SELECT
            count(*), count(DISTINCT purchase_id), count(DISTINCT user_id),
            sum(purchase_amount_usd), count(*) FILTER (purchase_amount_usd = 0),
            epoch(min(purchase_timestamp)), epoch(max(purchase_timestamp))
        FROM stg_ticket_purchases
        """,
    ) == (
        PURCHASES,
        PURCHASES,
        CUSTOMERS,
        TOTAL_USD,
        PURCHASES_FOR_NOTHING,
        FIRST_PURCHASE.timestamp(),
        LAST_PURCHASE.timestamp(),
    )


def test_a_purchase_is_kept_however_often_it_is_repeated(
    loaded: duckdb.DuckDBPyConnection,
) -> None:
    distinct = one(
        loaded,
        """
        SELECT count(*) FROM (
            SELECT DISTINCT user_id, purchase_timestamp, purchase_amount_usd
            FROM stg_ticket_purchases
        )
        """,
    )
    assert distinct == (PURCHASES - REPEATED_PURCHASES,)


def test_customers_sign_up_with_their_first_purchase(loaded: duckdb.DuckDBPyConnection) -> None:
    assert one(
        loaded,
        """
        SELECT count(*), count(DISTINCT user_id), count(country), bool_and(signup_timestamp = (
            SELECT min(purchase_timestamp) FROM stg_ticket_purchases
            WHERE stg_ticket_purchases.user_id = stg_signups.user_id
        ))
        FROM stg_signups
        """,
    ) == (CUSTOMERS, CUSTOMERS, 0, True)


def test_the_other_tables_are_typed(loaded: duckdb.DuckDBPyConnection) -> None:
    tables = {
        name: (len(table), [str(column) for column in table.types])
        for name in load_cdnow.TABLES
        for table in [loaded.view(name)]
    }
    time = "TIMESTAMP WITH TIME ZONE"
    assert tables == {
        "stg_signups": (CUSTOMERS, ["VARCHAR", time, "VARCHAR"]),
        "stg_deposits": (0, ["VARCHAR", "VARCHAR", time, "BIGINT"]),
        "stg_ticket_purchases": (
            PURCHASES,
            ["VARCHAR", "VARCHAR", "VARCHAR", time, "DECIMAL(18,2)"],
        ),
        "stg_web_events": (0, ["VARCHAR", "VARCHAR", time, "VARCHAR"]),
        "stg_games": (1, ["VARCHAR", "VARCHAR", "BIGINT"]),
    }


def test_customers_fall_into_the_segments_counted_in_the_log(
    loaded: duckdb.DuckDBPyConnection,
) -> None:
    assert (
        counts(
            loaded,
            """
            SELECT segment, count(*) FROM (
                SELECT CASE
                    WHEN count(*) >= 10 THEN 'High Value'
                    WHEN count(*) >= 3 THEN 'Medium Value'
                    ELSE 'Low Value'
                END AS segment
                FROM stg_ticket_purchases GROUP BY user_id
            )
            GROUP BY segment
            """,
        )
        == CUSTOMER_SEGMENTS
    )


def test_customers_were_last_seen_as_counted_in_the_log(
    loaded: duckdb.DuckDBPyConnection,
) -> None:
    assert (
        counts(
            loaded,
            f"""
            SELECT CASE
                WHEN days <= 7 THEN 5 WHEN days <= 30 THEN 4 WHEN days <= 90 THEN 3
                WHEN days <= 180 THEN 2 ELSE 1
            END AS score, count(*)
            FROM (
                SELECT
                    date_diff('day', max(purchase_timestamp), TIMESTAMPTZ '{CDNOW_AS_OF}') AS days
                FROM stg_ticket_purchases GROUP BY user_id
            )
            GROUP BY score
            """,
        )
        == RECENCY_SCORES
    )


@pytest.mark.parametrize(
    ("order", "customer", "totals"),
    [
        ("dollars", BIGGEST_SPENDER, BIGGEST_SPENDER_TOTALS),
        ("purchases", MOST_FREQUENT_BUYER, MOST_FREQUENT_BUYER_TOTALS),
    ],
)
def test_the_biggest_customers_are_those_of_the_log(
    loaded: duckdb.DuckDBPyConnection, order: str, customer: str, totals: tuple[int, Decimal]
) -> None:
    query = f"""
        SELECT user_id, count(*) AS purchases, sum(purchase_amount_usd) AS dollars
        FROM stg_ticket_purchases GROUP BY user_id ORDER BY {order} DESC LIMIT 1
    """
    assert one(loaded, query) == (customer, *totals)


def test_purchase_days_are_counted_once(loaded: duckdb.DuckDBPyConnection) -> None:
    query = f"""
        SELECT user_id, count(DISTINCT purchase_timestamp) FROM stg_ticket_purchases
        WHERE user_id IN {tuple(PURCHASE_DAYS)} GROUP BY user_id
    """
    assert counts(loaded, query) == PURCHASE_DAYS


def test_one_customer_bought_what_the_log_says(loaded: duckdb.DuckDBPyConnection) -> None:
    query = """
        SELECT purchase_id, strftime(purchase_timestamp, '%Y-%m-%d %H:%M'), purchase_amount_usd
        FROM stg_ticket_purchases WHERE user_id = '00025' ORDER BY purchase_timestamp
    """
    bought = loaded.sql(query).fetchall()
    assert bought == [
        ("65", "1997-01-01 00:00", Decimal("24.96")),
        ("66", "1997-07-18 00:00", Decimal("13.90")),
        ("67", "1997-08-17 00:00", Decimal("12.25")),
        ("68", "1997-10-24 00:00", Decimal("12.99")),
        ("69", "1998-04-17 00:00", Decimal("12.99")),
        ("70", "1998-05-25 00:00", Decimal("10.49")),
        ("71", "1998-06-03 00:00", Decimal("24.97")),
        ("72", "1998-06-08 00:00", Decimal("24.98")),
    ]
    assert len(bought) == CUSTOMER_00025["total_purchases"]
    assert sum(amount for *_, amount in bought) == CUSTOMER_00025["total_purchase_amount_usd"]


def test_loading_again_replaces_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["load_cdnow.py", "--out", str(tmp_path)])
    load_cdnow.main()
    first = sorted(tmp_path.rglob("*.parquet"))
    (tmp_path / "stg_deposits" / "part-1.parquet").touch()
    load_cdnow.main()
    assert sorted(tmp_path.rglob("*.parquet")) == first
    assert "stg_ticket_purchases: 69,659 rows" in capsys.readouterr().out


def test_a_missing_package_is_named_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_installed(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(load_cdnow, "files", not_installed)
    monkeypatch.setattr("sys.argv", ["load_cdnow.py", "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit, match="package lifetimes, which is not installed"):
        load_cdnow.main()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "line", [" 00001 19970101  1   11.7", " 00001 1997-01-01  1   11.77", " 00001 19970101"]
)
def test_a_line_that_is_not_understood_is_named(line: str) -> None:
    with pytest.raises(ValueError, match=r"Line 2 of CDNOW_master\.txt is not understood"):
        list(load_cdnow.purchases([load_cdnow.HEADER, line]))


@pytest.fixture(scope="module")
def built(
    spark: SparkSession, cdnow_sources: Path, tmp_path_factory: pytest.TempPathFactory
) -> Operator:
    """The mart of the log, as of the day after its last."""
    folder = tmp_path_factory.mktemp("cdnow_mart")
    (folder / "sources").symlink_to(cdnow_sources)
    operator = Operator(spark, folder)
    assert operator.build("--as-of", CDNOW_AS_OF.isoformat()) == 0
    return operator


def of_user(operator: Operator, user_id: str) -> dict[str, Any]:
    (row,) = operator.table("dim_customer").where(F.col("user_id") == user_id).collect()
    return in_utc(row.asDict())


@pytest.mark.slow
def test_the_mart_totals_are_those_of_the_log(built: Operator) -> None:
    total = F.sum("total_purchase_amount_usd")
    for table in ("dim_customer", "customer_ltv_scoring"):
        counted = built.table(table).agg(F.count("user_id"), F.sum("total_purchases"), total)
        assert tuple(counted.collect()[0]) == (CUSTOMERS, PURCHASES, TOTAL_USD)


@pytest.mark.slow
def test_segments_and_recency_are_those_counted_in_the_log(built: Operator) -> None:
    scores = built.table("customer_ltv_scoring")
    segments = scores.groupBy("customer_segment").count().collect()
    recency = scores.groupBy("recency_score").count().collect()
    assert dict(map(tuple, segments)) == CUSTOMER_SEGMENTS
    assert dict(map(tuple, recency)) == RECENCY_SCORES


@pytest.mark.slow
def test_single_customers_are_those_of_the_log(built: Operator) -> None:
    customer = of_user(built, "00025")
    assert {name: customer[name] for name in CUSTOMER_00025} == CUSTOMER_00025
    named = {
        BIGGEST_SPENDER: BIGGEST_SPENDER_TOTALS,
        MOST_FREQUENT_BUYER: MOST_FREQUENT_BUYER_TOTALS,
    }
    for user_id, totals in named.items():
        row = of_user(built, user_id)
        assert (row["total_purchases"], row["total_purchase_amount_usd"]) == totals
    for user_id, days in PURCHASE_DAYS.items():
        assert of_user(built, user_id)["purchase_days"] == days
