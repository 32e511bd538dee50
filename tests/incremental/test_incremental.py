"""Incremental runs over every kind of change, and the reasons to rebuild."""

import shutil
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest

from customer_mart import joins
from customer_mart.cli import main, run_job
from customer_mart.publish.upkeep import RETENTION_CHECK
from customer_mart.session_setting import tuned
from tests.frames import staging, utc
from tests.incremental.warehouse import (
    DEPOSITS,
    FEBRUARY,
    FORGOTTEN,
    GAMES,
    JANUARY,
    USERS,
    WHEN,
    Warehouse,
)


def test_every_kind_of_change_touches_its_customers_and_no_other(warehouse: Warehouse) -> None:
    before = {row["user_id"]: row for row in warehouse.table("dim_customer").collect()}
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    warehouse.insert("stg_deposits", [("du1", "u1", WHEN, 500)])  # a redelivery
    warehouse.insert("stg_deposits", [("early", "u2", utc("2025-01-15 00:00:00"), 7)])
    warehouse.insert("stg_deposits", [("lost", "later", WHEN, 900), (None, None, WHEN, 1)])
    tickets = [("p1", "u3", "near", WHEN, Decimal("2.00"))]
    tickets += [("p2", "u5", "big", WHEN, Decimal("3.00"))]
    warehouse.insert("stg_ticket_purchases", tickets)
    warehouse.insert("stg_web_events", [("whose", None, WHEN, "spring")])
    warehouse.change("UPDATE", "stg_web_events", "SET user_id = 'u5' WHERE user_id = 'u4'")
    warehouse.change("DELETE FROM", "stg_signups", "WHERE user_id = 'u6'")
    moved = "SET signup_timestamp = TIMESTAMP'2024-10-01 00:00:00' WHERE user_id = 'u7'"
    warehouse.change("UPDATE", "stg_signups", moved)
    assert warehouse.run(JANUARY) == 0
    # later is an orphan: touched, but no customer.
    assert warehouse.last_run()["touched_customers"] == len(
        ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "later"]
    )
    assert warehouse.published() == warehouse.rebuilt(JANUARY)
    after = {row["user_id"]: row for row in warehouse.table("dim_customer").collect()}
    assert {user for user in USERS if after.get(user) == before[user]} == set(USERS[8:])

    # February: u2's deposit comes due, the orphan signs up, a game crosses the threshold, another
    # is deleted, a price is corrected, and the event of nobody turns out to be of somebody.
    warehouse.insert("stg_signups", [("later", utc("2025-01-10 00:00:00"), "DE")])
    crossed = "SET jackpot_estimate_minor = 1000001 WHERE game_id = 'near'"
    warehouse.change("UPDATE", "stg_games", crossed)
    warehouse.change("DELETE FROM", "stg_games", "WHERE game_id = 'big'")
    corrected = "SET purchase_amount_usd = 9.00 WHERE user_id = 'u1'"
    warehouse.change("UPDATE", "stg_ticket_purchases", corrected)
    warehouse.change("UPDATE", "stg_web_events", "SET user_id = 'u8' WHERE event_id = 'whose'")
    assert warehouse.run(FEBRUARY) == 0
    assert warehouse.last_run()["touched_customers"] == len(
        ["u2", "later", "u3", "u5", "u1", "u8"]
    )
    assert warehouse.published() == warehouse.rebuilt(FEBRUARY)
    high = warehouse.table("dim_customer").where("high_jackpot_games_played > 0").collect()
    assert [row["user_id"] for row in high] == ["u3"]


def test_what_is_put_right_at_the_source_is_put_right_in_the_mart(warehouse: Warehouse) -> None:
    later = utc("2024-12-02 00:00:00")
    delivered = [("bad", "u0", WHEN, -1), ("clash", "u2", WHEN, 1), ("clash", "u2", later, 2)]
    delivered += [("twice", "u1", WHEN, 5), ("twice", "u1", WHEN, 5)]
    warehouse.insert("stg_deposits", delivered)
    # Without a user nobody is touched, and the rows are quarantined all the same.
    warehouse.insert("stg_deposits", [("whose", None, WHEN, 9), ("gone", None, WHEN, 9)])
    assert warehouse.run(JANUARY) == 0
    assert warehouse.published() == warehouse.rebuilt(JANUARY)
    assert warehouse.table("quarantine").count() == len(["bad", "clash", "whose", "gone"])

    for statement, rest in (
        ("UPDATE", "SET deposit_amount_minor = 700 WHERE deposit_id = 'bad'"),
        ("UPDATE", "SET user_id = 'u3' WHERE deposit_id = 'whose'"),
        ("DELETE FROM", "WHERE deposit_id = 'clash' AND deposit_amount_minor = 2"),
        ("DELETE FROM", "WHERE deposit_id IN ('twice', 'gone')"),
    ):
        warehouse.change(statement, "stg_deposits", rest)
    assert warehouse.run(JANUARY) == 0
    assert warehouse.last_run()["touched_customers"] == len(["u0", "u1", "u2", "u3"])
    assert warehouse.published() == warehouse.rebuilt(JANUARY)
    assert warehouse.table("quarantine").isEmpty()


def test_a_change_of_a_mapped_column_touches_its_customer(warehouse: Warehouse) -> None:
    mapped = ("--set", "sources.stg_deposits.columns.deposit_amount_minor=cents")
    warehouse.change("ALTER TABLE", "stg_deposits", "ADD COLUMNS (cents BIGINT)")
    warehouse.change("UPDATE", "stg_deposits", "SET cents = 10 * deposit_amount_minor")
    assert warehouse.run(JANUARY, "auto", *mapped) == 0
    warehouse.change("UPDATE", "stg_deposits", "SET cents = 901 WHERE user_id = 'u0'")
    assert warehouse.run(JANUARY, "incremental", *mapped) == 0
    assert warehouse.last_run()["touched_customers"] == 1
    rows = warehouse.table("dim_customer").where("user_id < 'u10'").orderBy("user_id").collect()
    assert [row["total_deposit_amount_minor"] for row in rows] == [901, 5000]


def test_nothing_new_writes_nothing(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = ("dim_customer", "customer_ltv_scoring", "quarantine", "customer_tier_changes")
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    assert warehouse.run(JANUARY) == 0
    versions = {table: warehouse.version(table) for table in tables}
    # Two files become one, and no row another.
    warehouse.change("OPTIMIZE", "stg_deposits")
    place = f"delta.`{warehouse.sources / 'stg_deposits'}`"
    newest = warehouse.spark.sql(f"DESCRIBE HISTORY {place} LIMIT 1").collect()[0]
    assert newest["operation"] == "OPTIMIZE"
    assert newest["operationMetrics"]["numRemovedFiles"] == "2"
    capsys.readouterr()
    assert warehouse.run(JANUARY) == 0
    said = "nothing has changed since the last run: no table was written"
    assert said in capsys.readouterr().out
    assert {table: warehouse.version(table) for table in tables} == versions
    assert warehouse.last_run()["touched_customers"] == 0
    assert warehouse.last_run()["target_versions"] == versions


def test_maintenance_between_two_runs_of_a_day_leaves_the_scores_as_they_are(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--mart", str(warehouse.mart)]
    version = warehouse.version("customer_ltv_scoring")
    # What maintenance commits where there are files to compact.
    dim = warehouse.mart / "dim_customer"
    warehouse.spark.sql(f"ALTER TABLE delta.`{dim}` SET TBLPROPERTIES ('compacted' = 'once')")
    # The first run records the newer version of dim_customer, the second one goes by it.
    for _ in range(2):
        assert warehouse.run(JANUARY) == 0
        assert "nothing has changed since the last run" in capsys.readouterr().out
    assert warehouse.version("customer_ltv_scoring") == version
    assert main(["status", *where, "--max-age-hours", "1000000"]) == 0


def test_a_rebuild_of_the_same_changes_no_row_but_when_it_was_computed(
    warehouse: Warehouse,
) -> None:
    before = warehouse.published()
    for _ in range(2):
        assert warehouse.run(JANUARY, "full") == 0
        assert warehouse.published() == before
        started = warehouse.last_run()["started_at"]
        for table in ("dim_customer", "customer_ltv_scoring"):
            clocks = warehouse.table(table).select("dbt_updated_at").distinct().collect()
            assert [clock["dbt_updated_at"] for clock in clocks] == [started]


def test_time_alone_changes_the_scores(warehouse: Warehouse) -> None:
    version = warehouse.version("dim_customer")
    assert warehouse.run(FEBRUARY) == 0
    assert warehouse.version("dim_customer") == version
    assert warehouse.published() == warehouse.rebuilt(FEBRUARY)


def test_the_scores_alone_keep_the_instant_of_the_last_run_but_not_their_settings(
    warehouse: Warehouse,
) -> None:
    alone = ["--mart", str(warehouse.mart)]
    assert warehouse.run(FEBRUARY) == 0
    assert run_job("customer_ltv_scoring", alone) == 0
    rebuilt = warehouse.rebuilt(FEBRUARY)
    assert warehouse.published() == rebuilt
    assert run_job("customer_ltv_scoring", [*alone, "--set", "scoring.horizon_years=2"]) == 0
    assert warehouse.published() != rebuilt
    assert warehouse.run(FEBRUARY) == 0
    assert warehouse.published() == rebuilt


def test_a_game_that_gets_another_id_touches_who_played_it(warehouse: Warehouse) -> None:
    warehouse.insert("stg_ticket_purchases", [("pb", "u0", "big", WHEN, Decimal("2.00"))])
    assert warehouse.run(JANUARY) == 0
    warehouse.change("UPDATE", "stg_games", "SET game_id = 'huge' WHERE game_id = 'big'")
    assert warehouse.run(JANUARY) == 0
    assert warehouse.last_run()["touched_customers"] == len(["u0"])
    assert warehouse.published() == warehouse.rebuilt(JANUARY)


def test_the_same_games_delivered_anew_touch_nobody(warehouse: Warehouse) -> None:
    warehouse.insert("stg_ticket_purchases", [("pb", "u0", "big", WHEN, Decimal("2.00"))])
    assert warehouse.run(JANUARY) == 0
    games = staging(warehouse.spark, "stg_games", GAMES).write.format("delta")
    games.mode("overwrite").save(str(warehouse.sources / "stg_games"))
    assert warehouse.run(JANUARY) == 0
    assert warehouse.last_run()["touched_customers"] == 0
    assert warehouse.published() == warehouse.rebuilt(JANUARY)


def test_a_new_version_of_the_games_without_a_change_is_none(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.change("ALTER TABLE", "stg_games", "SET TBLPROPERTIES ('team' = 'games')")
    assert warehouse.run(JANUARY) == 0
    said = "nothing has changed since the last run: no table was written"
    assert said in capsys.readouterr().out


@FORGOTTEN
def test_a_table_that_a_killed_run_made_anew_is_not_that_of_the_last_one(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    versions = warehouse.last_run()["target_versions"]
    _target_moved_away(warehouse)
    with monkeypatch.context() as killed:
        # A run of other settings that dies when dim_customer is published.
        killed.setattr("customer_mart.pipeline.publish_scoring", _dies)
        killed.setattr("customer_mart.recording.append_run", lambda *_: None)
        other = ("--set", "high_jackpot_threshold_minor=1")
        assert warehouse.run(JANUARY, "full", *other) == 1
    assert warehouse.version("dim_customer") == versions["dim_customer"]
    told = "dim_customer was changed since the last run: it has the rows of run 20"
    _is_refused(warehouse, capsys, told)
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.published() == warehouse.rebuilt(JANUARY)


def _dies(*_: object) -> None:
    raise RuntimeError("killed")


def _restored(warehouse: Warehouse) -> None:
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    warehouse.change("RESTORE TABLE", "stg_deposits", "TO VERSION AS OF 0")


def _recreated(warehouse: Warehouse) -> None:
    shutil.rmtree(warehouse.sources / "stg_deposits")
    warehouse.create("stg_deposits", DEPOSITS)


def _feed_off(warehouse: Warehouse) -> None:
    off = "SET TBLPROPERTIES (delta.enableChangeDataFeed = false)"
    warehouse.change("ALTER TABLE", "stg_deposits", off)
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])


def _feed_off_and_on(warehouse: Warehouse) -> None:
    _feed_off(warehouse)
    on = "SET TBLPROPERTIES (delta.enableChangeDataFeed = true)"
    warehouse.change("ALTER TABLE", "stg_deposits", on)


def _vacuumed(warehouse: Warehouse) -> None:
    """Of a change whose files are kept no longer than until the next VACUUM."""
    warehouse.change("DELETE FROM", "stg_deposits", "WHERE user_id = 'u0'")
    with tuned(warehouse.spark, {RETENTION_CHECK: "false"}):
        warehouse.change("VACUUM", "stg_deposits", "RETAIN 0 HOURS")
    assert not list((warehouse.sources / "stg_deposits" / "_change_data").iterdir())


def _changed(table: str) -> Callable[[Warehouse], None]:
    """Somebody puts a table's rows in their place again, which may be others by then."""

    def happens(warehouse: Warehouse) -> None:
        place = str(warehouse.mart / table)
        rows = warehouse.spark.read.format("delta").load(place)
        rows.write.format("delta").mode("overwrite").save(place)

    return happens


def _comment_changed(warehouse: Warehouse) -> None:
    """No row of quarantine, which has none here; but whoever did that may do more."""
    place = f"delta.`{warehouse.mart / 'quarantine'}`"
    warehouse.spark.sql(f"ALTER TABLE {place} ALTER COLUMN reason COMMENT 'theirs'")


def _rewritten_as_if_compacted(warehouse: Warehouse) -> None:
    """A commit that says it changes no data, and takes away a row."""
    place = str(warehouse.sources / "stg_deposits")
    rows = warehouse.spark.read.format("delta").load(place).where("user_id <> 'u0'")
    write = rows.write.format("delta").option("dataChange", "false")
    write.mode("overwrite").save(place)


def _column_gone(warehouse: Warehouse) -> None:
    """A column that no contract asks for comes and goes: the feed has rows of two schemas."""
    by_name = "SET TBLPROPERTIES (delta.columnMapping.mode = 'name')"
    warehouse.change("ALTER TABLE", "stg_deposits", by_name)
    warehouse.change("ALTER TABLE", "stg_deposits", "ADD COLUMNS (note STRING)")
    warehouse.change("UPDATE", "stg_deposits", "SET note = 'x' WHERE user_id = 'u0'")
    warehouse.change("ALTER TABLE", "stg_deposits", "DROP COLUMN note")


def _no_record(warehouse: Warehouse) -> None:
    shutil.rmtree(warehouse.mart / "mart_runs")
    warehouse.forget_logs()


def _target_moved_away(warehouse: Warehouse) -> None:
    shutil.rmtree(warehouse.mart / "dim_customer")
    warehouse.forget_logs()


def test_an_optional_source_without_versions_that_is_gone_is_a_reason_to_rebuild(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    place = warehouse.sources / "stg_funnel_spend"
    spend = [(WHEN.date(), "spring", "search", -1)]
    staging(warehouse.spark, "stg_funnel_spend", spend).write.parquet(str(place))
    assert warehouse.run(JANUARY, "full") == 0
    assert [row[0] for row in warehouse.quarantined()] == ["stg_funnel_spend"]
    shutil.rmtree(place)
    _is_refused(warehouse, capsys, "source stg_funnel_spend is not there any more")
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.quarantined() == []


def test_a_copy_of_a_source_that_went_on_by_itself_is_another_table(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = warehouse.folder / "elsewhere" / "stg_deposits"
    shutil.copytree(warehouse.sources / "stg_deposits", copy)
    # Each has a version 1 of its own from here on, of as many rows and bytes.
    warehouse.insert("stg_deposits", [("newer", "u0", WHEN, 100)])
    assert warehouse.run(JANUARY) == 0
    others = staging(warehouse.spark, "stg_deposits", [("other", "u1", WHEN, 100)])
    others.write.format("delta").mode("append").save(str(copy))
    there = ("--set", f"sources.stg_deposits.path={copy}")
    reason = "of source stg_deposits, version 1 has the number of the one that the last run read"
    _is_refused(warehouse, capsys, reason, *there)
    assert warehouse.run(JANUARY, "auto", *there) == 0
    assert str(warehouse.last_run()["rebuild_reason"]).startswith(reason)
    deposits = {row["user_id"]: row["total_deposits"] for row in warehouse.rows("dim_customer")}
    assert (deposits["u0"], deposits["u1"]) == (1, 2)


def _is_refused(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str], reason: str, *flags: str
) -> None:
    capsys.readouterr()
    assert warehouse.run(JANUARY, "incremental", *flags) == 3
    assert f"An incremental run is not safe here: {reason}" in capsys.readouterr().err


def test_a_key_of_a_customer_whom_nothing_touched_is_a_reason_to_rebuild(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = utc("2024-11-30 00:00:00")
    warehouse.insert("stg_deposits", [("du1", "u0", earlier, 100)])
    came = "a row that came to stg_deposits has the key of another customer's"
    _is_refused(warehouse, capsys, came)
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.last_run()["rebuild_reason"] == came
    deposits = {row["user_id"]: row["total_deposits"] for row in warehouse.rows("dim_customer")}
    assert (deposits["u0"], deposits["u1"]) == (2, 0)
    # As long as there is such a key, what happens to one customer may change another.
    warehouse.change("DELETE FROM", "stg_deposits", "WHERE user_id = 'u0'")
    told = "the last run set 1 rows aside that had the key of another customer's"
    _is_refused(warehouse, capsys, told)
    assert warehouse.run(JANUARY, "auto") == 0
    deposits = {row["user_id"]: row["total_deposits"] for row in warehouse.rows("dim_customer")}
    assert (deposits["u0"], deposits["u1"]) == (0, 1)
    warehouse.insert("stg_deposits", [("du0", "u0", WHEN, 100)])
    assert warehouse.run(JANUARY) == 0
    assert warehouse.published() == warehouse.rebuilt(JANUARY)


def test_a_key_among_too_many_to_broadcast_is_found_all_the_same(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joins, "MOST_HASHES", 0)
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    assert warehouse.run(JANUARY) == 0
    warehouse.insert("stg_deposits", [("du1", "u0", WHEN, 100)])
    came = "a row that came to stg_deposits has the key of another customer's"
    _is_refused(warehouse, capsys, came)


def test_a_row_that_comes_due_with_the_key_of_another_customer_is_a_reason_to_rebuild(
    warehouse: Warehouse,
) -> None:
    warehouse.insert("stg_web_events", [("eu1", "u0", utc("2025-01-20 00:00:00"), None)])
    assert warehouse.run(JANUARY) == 0
    assert warehouse.run(FEBRUARY, "auto") == 0
    came = "a row that came to stg_web_events has the key of another customer's"
    assert warehouse.last_run()["rebuild_reason"] == came
    assert warehouse.published() == warehouse.rebuilt(FEBRUARY)


def test_of_two_touched_customers_with_one_key_the_earlier_row_is_used(
    warehouse: Warehouse,
) -> None:
    later = utc("2024-12-02 00:00:00")
    both = [("new", "u0", "big", later, Decimal(1)), ("new", "u1", "big", WHEN, Decimal(2))]
    warehouse.insert("stg_ticket_purchases", both)
    assert warehouse.run(JANUARY) == 0
    assert warehouse.last_run()["warnings"]["keys_of_other_users"] == 1
    assert warehouse.published() == warehouse.rebuilt(JANUARY)
    purchases = {row["user_id"]: row["total_purchases"] for row in warehouse.rows("dim_customer")}
    assert (purchases["u0"], purchases["u1"]) == (1, 2)


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (_recreated, "source stg_deposits is another table"),
        (_feed_off, "of source stg_deposits, its change data feed is off"),
        (_feed_off_and_on, "of source stg_deposits, its change data feed was switched"),
        (_changed("customer_ltv_scoring"), "customer_ltv_scoring was changed since the last run"),
        (_comment_changed, "quarantine was changed since the last run: version"),
        (
            _rewritten_as_if_compacted,
            "of source stg_deposits, its change feed accounts for +0 rows",
        ),
        (_column_gone, "of source stg_deposits, version 4 is a DROP COLUMNS"),
    ],
)
def test_what_a_feed_cannot_tell_is_a_reason_to_rebuild(
    warehouse: Warehouse,
    capsys: pytest.CaptureFixture[str],
    happens: Callable[[Warehouse], None],
    reason: str,
) -> None:
    happens(warehouse)
    _is_refused(warehouse, capsys, reason)


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (_restored, "of source stg_deposits, version 2 is a RESTORE"),
        (_vacuumed, "of source stg_deposits, its changes since version 0 cannot be read"),
        (_changed("dim_customer"), "dim_customer was changed since the last run: version"),
        pytest.param(_no_record, "no successful run is on record", marks=FORGOTTEN),
        pytest.param(
            _target_moved_away,
            "dim_customer was changed since the last run: a table that has no",
            marks=FORGOTTEN,
        ),
    ],
)
def test_what_there_is_a_reason_to_rebuild_is_rebuilt(
    warehouse: Warehouse,
    capsys: pytest.CaptureFixture[str],
    happens: Callable[[Warehouse], None],
    reason: str,
) -> None:
    happens(warehouse)
    _is_refused(warehouse, capsys, reason)
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.last_run()["mode"] == "full"
    assert warehouse.last_run()["rebuild_reason"].startswith(reason)
    assert warehouse.published() == warehouse.rebuilt(JANUARY)


@pytest.mark.parametrize(
    ("as_of", "flags", "reason"),
    [
        (utc("2024-12-15 00:00:00"), (), "the last run looked from a later instant"),
        (JANUARY, ("--set", "scoring.min_tenure_days=0"), "settings that change a row"),
        (FEBRUARY, ("--set", "publish.max_touched_fraction=0"), "1 customers were touched"),
    ],
)
def test_what_another_run_asks_for_is_rebuilt(
    warehouse: Warehouse, as_of: datetime, flags: tuple[str, ...], reason: str
) -> None:
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    assert warehouse.run(as_of, "auto", *flags) == 0
    assert str(warehouse.last_run()["rebuild_reason"]).startswith(reason)
    assert warehouse.last_run()["mode"] == "full"
