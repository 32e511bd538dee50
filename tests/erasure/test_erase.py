"""A customer erased from a mart that has seen everything, and kept out of what follows."""

import re
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from customer_mart.cli import main, run_job
from customer_mart.erasure.ledger import enter
from customer_mart.publish.run_record import RunRecord, append_run
from customer_mart.publish.target import target
from customer_mart.run import start_run
from customer_mart.settings import Settings, load_settings
from customer_mart.steps.open_sources import open_sources
from tests.erasure.files import holds, tables_that_hold
from tests.faults.damage import DIM_IS_PUBLISHED, once_at, only_error
from tests.frames import utc
from tests.incremental.warehouse import JANUARY, WHEN, Warehouse
from tests.plans import plan_of

ERASED, UNKNOWN, LATER = "erase-me-4711", "never-seen-0815", "erase-me-too-1234"
ALL_TABLES = {
    "dim_customer",
    "customer_ltv_scoring",
    "customer_tier_changes",
    "quarantine",
    "mart_runs",
}

VACUUMED = {"VACUUM START", "VACUUM END"}


@pytest.fixture
def held(warehouse: Warehouse) -> Warehouse:
    """A mart that holds the customer wherever it can.

    Its owner has switched on what keeps deleted rows: change data and deletion vectors.
    """
    for table, feature in (
        ("dim_customer", "enableChangeDataFeed"),
        ("customer_ltv_scoring", "enableDeletionVectors"),
    ):
        place = f"delta.`{warehouse.mart / table}`"
        warehouse.spark.sql(f"ALTER TABLE {place} SET TBLPROPERTIES (delta.{feature} = true)")
    warehouse.insert("stg_signups", [(ERASED, WHEN, "UK")])
    warehouse.insert("stg_deposits", [("d", ERASED, WHEN, 500), ("bad", f" {ERASED} ", WHEN, -1)])
    warehouse.insert("stg_ticket_purchases", [("p", ERASED, "big", WHEN, Decimal("5.00"))])
    # Somebody else's row that cannot be used and happens to hold the id.
    warehouse.insert("stg_web_events", [(None, "u1", WHEN, ERASED), (None, "u1", WHEN, "spring")])
    assert warehouse.run(JANUARY, "auto") == 0
    runs = target("mart_runs", load_settings(None, [], {"mart": str(warehouse.mart)}).mart)
    failed = RunRecord("run-0", JANUARY, "full", "abc", utc("2024-12-31 00:00:00"))
    error = f"The value '{ERASED}' cannot be cast; nor {ERASED}-2"
    append_run(warehouse.spark, runs, failed, utc("2024-12-31 00:00:01"), error)
    return warehouse


def _erase(warehouse: Warehouse, *flags: str) -> int:
    return main(["erase", "--mart", str(warehouse.mart), *flags])


def _maintain(warehouse: Warehouse) -> int:
    now = ["maintenance.retention_hours=0", "maintenance.keep_last_run=false"]
    return main(["maintain", "--mart", str(warehouse.mart), "--set", now[0], "--set", now[1]])


def _customers(warehouse: Warehouse) -> set[str]:
    return {row["user_id"] for row in warehouse.table("dim_customer").collect()}


def _settings(warehouse: Warehouse) -> Settings:
    places = {"sources": str(warehouse.sources), "mart": str(warehouse.mart)}
    return load_settings(None, [], places)


def _plan_of_deposits(warehouse: Warehouse) -> str:
    run = start_run(warehouse.spark, _settings(warehouse), JANUARY)
    return plan_of(open_sources(run)["stg_deposits"].typed())


def _operations_since(warehouse: Warehouse, table: str, version: int) -> set[str]:
    history = warehouse.spark.sql(f"DESCRIBE HISTORY delta.`{warehouse.mart / table}`")
    return {row["operation"] for row in history.where(f"version > {version}").collect()}


def _data_files(warehouse: Warehouse, table: str) -> set[str]:
    files = (warehouse.mart / table).rglob("*.parquet")
    return {file.name for file in files if "_delta_log" not in file.parts}


def _removed(said: str) -> dict[str, str]:
    """By table, the rows that an erasure says it removed."""
    lines = [line.split() for line in said.splitlines()]
    return {line[2]: line[3] for line in lines if line[:2] == ["erase", "from"]}


@pytest.mark.classic("reads the physical plan, empties the engine's memory of Delta logs")
def test_an_erased_customer_is_gone_and_stays_out(
    held: Warehouse, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    others = _customers(held) - {ERASED}
    assert tables_that_hold(held.mart, ERASED) == ALL_TABLES
    assert "Join" not in _plan_of_deposits(held)
    capsys.readouterr()

    assert _erase(held, "--user-id", f" {ERASED} ", "--user-id", UNKNOWN) == 0
    said = capsys.readouterr()
    assert not any(user_id in said.out + said.err for user_id in (ERASED, UNKNOWN))
    assert _removed(said.out) == {**dict.fromkeys(ALL_TABLES, "1"), "quarantine": "2"}
    assert "in the ledger: 2; in no table: 1, kept out" in said.out
    assert _customers(held) == others
    assert [row[2]["utm_campaign"] for row in held.quarantined()] == ["spring"]
    [failed] = held.table("mart_runs").where("run_id = 'run-0'").collect()
    assert failed["error"] == "The value '(erased)' cannot be cast; nor (erased)-2"
    assert [log for log in held.mart.rglob("_delta_log/*") if holds(log, ERASED)] == []
    plan = _plan_of_deposits(held)
    assert re.findall(r"(\w+Join) .* LeftAnti, BuildRight", plan) == ["BroadcastHashJoin"]
    assert "hashpartitioning" not in plan

    # The sources bring the customer again, and more of it.
    held.insert("stg_deposits", [("d2", ERASED, WHEN, 1), ("new", "u0", WHEN, 100)])
    held.insert("stg_deposits", [(None, ERASED, WHEN, 1), ("lost", UNKNOWN, WHEN, 1)])
    # And a lost table of moves is made again, from versions that still hold it.
    shutil.rmtree(held.mart / "customer_tier_changes")
    held.forget_logs()
    assert held.run(JANUARY, "incremental") == 0
    assert held.table("customer_tier_changes").count() == 0
    assert held.last_run()["touched_customers"] == len(["u0"])
    assert held.last_run()["warnings"]["erased_rows"] == 7
    incremental = held.published()
    assert {row["user_id"] for row in incremental.dim_customer} == others

    assert tables_that_hold(held.mart, ERASED) == ALL_TABLES - {"customer_tier_changes"}
    assert _maintain(held) == 0
    assert tables_that_hold(held.mart, ERASED, UNKNOWN) == set()

    # A request that was interrupted once it was in the ledger: only a rebuild is trusted.
    enter(held.spark, _settings(held), [LATER], "erase_interrupted")
    assert held.run(JANUARY, "auto") == 0
    reason = held.last_run()["rebuild_reason"]
    assert reason.startswith("an erasure did not come to its end")
    assert held.published() == incremental
    assert held.balance("stg_deposits") == {"read": 13, "used": 13}
    assert held.last_run()["warnings"]["erased_rows"] == 7

    # Again, and the interrupted one: nothing is left to remove but old files.
    ids, abandoned = tmp_path / "ids.txt", held.mart / "_staging" / "killed"
    ids.write_text(f"{LATER}\r\n\n{ERASED} \n", encoding="utf-8")
    abandoned.mkdir(parents=True)
    versions = {table: held.version(table) for table in ALL_TABLES}
    assert _erase(held, "--user-ids-file", str(ids), "--purge") == 0
    assert not abandoned.exists()
    for table, version in versions.items():
        assert _operations_since(held, table, version) == VACUUMED
        live = {Path(file).name for file in held.table(table).inputFiles()}
        assert _data_files(held, table) == live
    ledger = held.table("erased_customers").orderBy("request_id").collect()
    assert [row["request_id"][:8] for row in ledger] == ["erase_20"] * 2 + ["erase_in"]
    assert {len(row["user_hash"]) for row in ledger} == {64}
    assert all(row["erased_at"] for row in ledger)


@pytest.mark.classic("empties the engine's memory of Delta logs")
def test_a_lost_ledger_is_missed_by_whatever_would_bring_customers_back(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger, away = warehouse.mart / "erased_customers", warehouse.folder / "away"
    older = warehouse.folder / "older"
    ever = ["--set", "status.max_age_hours=1000000"]
    assert _erase(warehouse, "--user-id", "u1") == 0
    shutil.copytree(ledger, older)
    assert _erase(warehouse, "--user-id", UNKNOWN) == 0
    before = warehouse.published()
    versions = {table: warehouse.version(table) for table in ALL_TABLES}
    warehouse.insert("stg_deposits", [("d2", "u1", WHEN, 1), ("new", "u0", WHEN, 100)])

    def is_missed(told: str) -> None:
        warehouse.forget_logs()
        capsys.readouterr()
        assert warehouse.run(JANUARY, "incremental") == 3
        assert _maintain(warehouse) == 3
        assert main(["status", "--mart", str(warehouse.mart), *ever]) == 3
        assert capsys.readouterr().err.count(f"The ledger of erased customers {told}") == 3
        assert {table: warehouse.version(table) for table in ALL_TABLES} == versions

    ledger.rename(away)
    is_missed(f"is not at {ledger} any more")
    assert warehouse.run(JANUARY, "full") == 3
    assert run_job("customer_ltv_scoring", ["--mart", str(warehouse.mart)]) == 3
    assert _erase(warehouse, "--user-id", "u2") == 3
    assert warehouse.published() == before
    assert {table: warehouse.version(table) for table in ALL_TABLES} == versions
    assert not ledger.exists()
    shutil.copytree(warehouse.mart / "quarantine", ledger)
    is_missed(f"at {ledger} is another than the one this mart had")
    shutil.rmtree(ledger)
    older.rename(ledger)
    is_missed(f"at {ledger} is an older copy of the one this mart had (version ")

    shutil.rmtree(ledger)
    away.rename(ledger)
    warehouse.forget_logs()
    assert warehouse.run(JANUARY, "incremental") == 0
    assert _customers(warehouse) == {row["user_id"] for row in before.dim_customer}

    def loses_it() -> None:
        ledger.rename(away)
        warehouse.forget_logs()

    once_at(monkeypatch, DIM_IS_PUBLISHED, loses_it)
    capsys.readouterr()
    assert warehouse.run(JANUARY, "full") == 3
    assert f"The ledger of erased customers is not at {ledger} any more" in only_error(capsys)

    # Whoever wants nobody kept out any more says so at the record of runs.
    runs = f"delta.`{warehouse.mart / 'mart_runs'}`"
    warehouse.spark.sql(f"ALTER TABLE {runs} UNSET TBLPROPERTIES ('customer_mart.ledger')")
    assert warehouse.run(JANUARY, "full") == 0
    assert "u1" in _customers(warehouse)
    assert warehouse.published() == warehouse.rebuilt(JANUARY)


def test_scores_computed_alone_leave_out_whom_an_interrupted_erasure_left_in_dim_customer(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    enter(warehouse.spark, _settings(warehouse), ["u1"], "erase_interrupted")
    assert run_job("customer_ltv_scoring", ["--mart", str(warehouse.mart)]) == 0
    scored = {row["user_id"] for row in warehouse.table("customer_ltv_scoring").collect()}
    assert scored == _customers(warehouse) - {"u1"}
    capsys.readouterr()
    assert main(["status", "--mart", str(warehouse.mart)]) == 3
    told = "An erasure did not come to its end: erase_interrupted; run customer-mart erase for its"
    assert told in capsys.readouterr().err
