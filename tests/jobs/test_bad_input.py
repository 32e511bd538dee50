"""What bad input gets, source by source: a plain sentence and nothing published."""

import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from tests.frames import utc
from tests.jobs.handful import ALL_DIRT, DAY, deliver_good
from tests.jobs.operator_data import Operator

GAME_HEADER = "game_id,game_name,jackpot_estimate_minor"

pytestmark = pytest.mark.usefixtures("interpreting")


@pytest.fixture(scope="module")
def published(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, empty_mart: Path
) -> Operator:
    """A mart with one published customer; what fails afterwards must leave it as it is."""
    operator = Operator.with_empty_mart(spark, tmp_path_factory.mktemp("bad"), empty_mart)
    deliver_good(operator)
    assert operator.build() == 0
    return operator


@pytest.fixture
def good(published: Operator) -> Operator:
    """The published mart with good sources, whatever the test before did to them."""
    deliver_good(published)
    return published


def fails(
    operator: Operator, capsys: pytest.CaptureFixture[str], sentence: str, *flags: str
) -> None:
    """The build exits with 3 and one plain sentence, and the published versions stay."""
    tables = ("dim_customer", "customer_ltv_scoring")
    before = [operator.version(table) for table in tables]
    assert operator.build(*flags) == 3
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert sentence in errors[0]
    assert [operator.version(table) for table in tables] == before
    run = operator.last_run()
    assert run["status"] == "failed"
    assert sentence in run["error"]


def test_a_missing_source_is_named_with_its_place(
    good: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = good.sources / "nowhere"
    flags = ("--set", f"sources.stg_deposits.path={elsewhere}")
    fails(good, capsys, f"Source stg_deposits is missing: nothing is at {elsewhere}", *flags)


def test_a_missing_column_is_named_with_what_was_found(
    good: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = good.spark.createDataFrame([("d1", "ann", DAY)], "deposit_id string, u string, t date")
    frame.write.mode("overwrite").parquet(str(good.sources / "stg_deposits"))
    fails(good, capsys, "has no column user_id (string expected); it has deposit_id, u, t")


def test_a_type_that_would_lose_data_is_named(
    good: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    signups = good.spark.createDataFrame(
        [(1.5, DAY, "UK")], "user_id double, signup_timestamp timestamp, country string"
    )
    signups.write.mode("overwrite").parquet(str(good.sources / "stg_signups"))
    fails(
        good,
        capsys,
        "has column user_id of type double, which cannot be cast to string without loss",
    )


def test_a_game_listed_twice_fails_the_run(
    good: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    good.deliver("stg_games", [("g1", "Keno", 5), ("g1", "Keno", 5)])
    fails(good, capsys, "Source stg_games has game_id g1 2 times")


def test_a_source_that_was_emptied_fails_the_run_unless_it_is_meant(
    good: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    good.deliver("stg_games", [])
    fails(good, capsys, "Source stg_games is empty now but had 1 rows in the last run")
    assert good.build("--set", "quality.allow_emptied_sources=true") == 0
    deliver_good(good)
    assert good.build() == 0


def test_a_malformed_line_of_csv_is_quarantined_whole_and_is_no_money(good: Operator) -> None:
    shutil.rmtree(good.sources / "stg_ticket_purchases")
    lines = ["p1,ann,g1,2024-06-02,1.00", "p2,ann,g1,2024-06-02,12,50", "p3,ann,g1"]
    header = "purchase_id,user_id,game_id,purchase_timestamp,purchase_amount_usd"
    file = good.sources / "stg_ticket_purchases.csv"
    file.write_text("\n".join([header, *lines]), encoding="utf-8")
    try:
        assert good.build(*ALL_DIRT) == 0
    finally:
        file.unlink()
    assert good.balance("stg_ticket_purchases") == {"read": 3, "used": 1, "NULL_KEY": 2}
    assert good.rows("dim_customer")[0]["total_purchase_amount_usd"] == Decimal("1.00")
    quarantine = good.table("quarantine").select("row").collect()
    rows = sorted(str(row["row"]) for row in quarantine)
    assert rows == [str({"_malformed_line": line}) for line in lines[1:]]
    # Whose it may be is known, as an erasure has to.
    assert {row["user_id"] for row in good.table("quarantine").collect()} == {"ann"}


def test_a_file_of_another_type_than_the_others_is_named_with_both(
    good: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    place = good.sources / "stg_deposits"
    other = good.spark.read.parquet(str(place)).withColumn(
        "deposit_amount_minor", F.lit(100.0).cast("double")
    )
    other.write.mode("append").parquet(str(place))
    said = " has column deposit_amount_minor of type "
    fails(good, capsys, said)


def test_too_many_quarantined_rows_fail_the_run_and_say_why(
    good: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    deposits = [(f"d{n}", "ann", DAY, 100) for n in range(98)]
    good.deliver("stg_deposits", [*deposits, ("x", "ann", DAY, -5), ("y", "ann", None, 5)])
    fails(
        good,
        capsys,
        "Source stg_deposits has 2 of 100 rows quarantined (BAD_AMOUNT 1, BAD_TIMESTAMP 1)",
    )
    assert [reason for _, reason, _ in good.quarantined()] == ["BAD_AMOUNT", "BAD_TIMESTAMP"]


def test_a_quarantined_share_at_the_limit_passes(good: Operator) -> None:
    deposits = [(f"d{n}", "ann", DAY, 100) for n in range(99)]
    good.deliver("stg_deposits", [*deposits, ("x", "ann", DAY, -5)])
    assert good.build() == 0
    assert good.balance("stg_deposits") == {"read": 100, "used": 99, "BAD_AMOUNT": 1}


def test_a_purchase_before_signup_warns_or_fails_as_configured(
    good: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    early = utc("2024-05-31 12:00:00")
    good.deliver("stg_ticket_purchases", [("p1", "ann", "g1", early, Decimal("1.00"))])
    assert good.build() == 0
    assert good.last_run()["warnings"]["purchases_before_signup"] == 1
    assert good.rows("dim_customer")[0]["days_to_first_purchase"] == -0.5
    flags = ("--set", "quality.purchase_before_signup=fail")
    told = (
        "1 purchases and 0 deposits lie before their customer's signup, and "
        "quality.purchase_before_signup is fail"
    )
    fails(good, capsys, told, *flags)


def test_a_jackpot_that_cannot_be_read_is_never_high_and_counted(good: Operator) -> None:
    games = [
        ("g1", "1,500,000"),
        ("g2", "9223372036854775808"),
        ("g3", "2000000"),
        ("g4", " "),
        ("g5", None),
        (None, "1,500,000"),  # in quarantine, and no game
    ]
    bought = [(f"p{n}", "ann", f"g{n}", DAY, Decimal("1.00")) for n in range(1, 4)]
    good.deliver("stg_ticket_purchases", bought)
    rows = [(game, "Keno", jackpot) for game, jackpot in games]
    columns = "game_id string, game_name string, jackpot_estimate_minor string"
    delivered = good.spark.createDataFrame(rows, columns)
    delivered.write.mode("overwrite").parquet(str(good.sources / "stg_games"))
    assert good.build("--set", "quality.max_quarantined_fraction=1") == 0
    warnings = good.last_run()["warnings"]
    assert warnings["games_with_unreadable_jackpot"] == 2
    assert warnings["purchases_of_unknown_games"] == 0
    assert good.balance("stg_games") == {"read": 6, "used": 5, "NULL_KEY": 1}
    assert good.rows("dim_customer")[0]["high_jackpot_games_played"] == 1


def test_a_failed_check_leaves_the_published_version_the_current_one(
    good: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    # The source promises unique keys and breaks the promise: two signups make one customer.
    good.deliver("stg_signups", [("ann", DAY, "UK"), ("ann", DAY, "UK")])
    before = good.rows("dim_customer")
    fails(
        good,
        capsys,
        "Check dim_customer.total.rows failed: found 1, expected 2",
        *("--set", "sources.stg_signups.unique=true"),
    )
    assert good.rows("dim_customer") == before


def test_money_that_overflows_is_an_error_not_a_wrap(
    good: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    most = 2**63 - 1
    good.deliver("stg_deposits", [("d1", "ann", DAY, most), ("d2", "ann", DAY, 1)])
    fails(good, capsys, "dim_customer: a sum is too large for its column")


@pytest.mark.parametrize(
    ("header", "other"),
    [
        (GAME_HEADER, "jackpot_estimate_minor,game_id,game_name"),
        (GAME_HEADER, f"{GAME_HEADER},new_one"),
        (f"{GAME_HEADER},", f"{GAME_HEADER},"),
    ],
)
def test_files_of_csv_whose_headers_do_not_do_are_not_called_damaged(
    good: Operator, capsys: pytest.CaptureFixture[str], header: str, other: str
) -> None:
    folder = good.sources / "two headers"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "a.csv").write_text(f"{header}\ng1,Keno,5\n")
    (folder / "b.csv").write_text(f"{other}\n5,g2,Bingo\n")
    # Which of them the engine takes for the one that differs is its own affair.
    told = ".csv is not the one by which its source is read; give every column a name of its own"
    fails(good, capsys, told, "--set", f"sources.stg_games.path={folder}")


def test_an_extra_column_is_ignored_with_a_note(
    good: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    source = good.sources / "stg_web_events"
    events = good.spark.read.parquet(str(source)).withColumn("page", F.lit("/home"))
    events.write.parquet(str(good.sources / "wider"))
    assert good.build("--set", f"sources.stg_web_events.path={good.sources / 'wider'}") == 0
    assert "stg_web_events: ignored page" in capsys.readouterr().out
