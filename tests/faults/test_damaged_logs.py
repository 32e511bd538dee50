"""A Delta log whose checkpoint is truncated, or whose pointer to it is garbage."""

from pathlib import Path

import pytest

from tests.faults.damage import nothing_published, only_error, truncate
from tests.incremental.warehouse import JANUARY, WHEN, Warehouse


def _checkpointed(warehouse: Warehouse, table: Path) -> Path:
    """The checkpoint of the table's newest version, of which nobody here has read anything."""
    for number in range(2):  # the first switches them on
        properties = f"'delta.checkpointInterval' = '1', 'written' = '{number}'"
        warehouse.spark.sql(f"ALTER TABLE delta.`{table}` SET TBLPROPERTIES ({properties})")
    warehouse.forget_logs()
    return max((table / "_delta_log").glob("*.checkpoint.parquet"))


@pytest.mark.classic("empties the engine's memory of Delta logs")
@pytest.mark.slow
@pytest.mark.parametrize("name", ["Source stg_deposits", "The table dim_customer"])
def test_a_damaged_checkpoint_is_named_and_its_commits_do_without_it(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = warehouse.sources if name.startswith("Source") else warehouse.mart
    table = folder / name.rsplit(maxsplit=1)[-1]
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    checkpoint = _checkpointed(warehouse, table)
    truncate(checkpoint)
    with nothing_published(warehouse):
        assert warehouse.run(JANUARY, "auto") == 3
        told = f"{name}: its file {checkpoint} cannot be read, being damaged or gone; move it"
        assert told in only_error(capsys)
    checkpoint.unlink()
    pointer = table / "_delta_log" / "_last_checkpoint"
    pointer.write_text("{ garbage")
    (pointer.parent / "._last_checkpoint.crc").unlink(missing_ok=True)
    warehouse.forget_logs()
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.published() == warehouse.rebuilt(JANUARY)
