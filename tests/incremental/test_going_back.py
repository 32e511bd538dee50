"""The way back from an upgrade, as docs/operations.md has it."""

import pytest

from tests.incremental.warehouse import JANUARY, Warehouse


@pytest.mark.slow
def test_tables_that_gained_a_column_are_restored_for_the_older_package(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    before = warehouse.published()
    # The versions of the tables before the upgrade; no run notes that of mart_runs.
    noted = warehouse.last_run()["target_versions"]
    assert "mart_runs" not in noted
    noted["mart_runs"] = warehouse.version("mart_runs")
    places = {
        table: f"delta.`{warehouse.mart / table}`" for table in ("dim_customer", "mart_runs")
    }
    for place in places.values():
        warehouse.spark.sql(f"ALTER TABLE {place} ADD COLUMN (gained STRING)")
    assert warehouse.run(JANUARY, "auto") == 3
    # Not that the order is another one: who reads it has to know what is too much.
    assert "(first difference: gained string, which is not in it)" in capsys.readouterr().err
    for table, place in places.items():
        warehouse.spark.sql(f"RESTORE TABLE {place} TO VERSION AS OF {noted[table]}")
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.last_run()["mode"] == "full"
    assert warehouse.published() == before
    for table in places:
        assert "gained" not in warehouse.table(table).columns
