"""Sources that are committed to while a run is going: it reads the versions that it pinned."""

import pytest

from tests.faults.damage import SOURCES_ARE_OPEN, once_at
from tests.frames import staging
from tests.incremental.warehouse import JANUARY, WHEN, Warehouse


@pytest.mark.slow
def test_commits_in_mid_run_wait_for_the_next_run(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved() -> None:
        warehouse.insert("stg_deposits", [("mid", "u3", WHEN, 900)])
        warehouse.insert("stg_signups", [("mid", WHEN, "SE")])
        warehouse.change("DELETE FROM", "stg_ticket_purchases", "WHERE user_id = 'u0'")
        events = staging(warehouse.spark, "stg_web_events", [("mid", "u1", WHEN, "autumn")])
        overwrite = events.write.format("delta").mode("overwrite")
        overwrite.save(str(warehouse.sources / "stg_web_events"))

    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100), ("new too", "u3", WHEN, 100)])
    pinned = warehouse.rebuilt(JANUARY)
    once_at(monkeypatch, SOURCES_ARE_OPEN, moved)
    assert warehouse.run(JANUARY, "incremental") == 0
    assert warehouse.published() == pinned
    assert warehouse.run(JANUARY, "incremental") == 0
    assert warehouse.published() == warehouse.rebuilt(JANUARY) != pinned
