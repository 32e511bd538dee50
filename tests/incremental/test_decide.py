"""Reasons to rebuild that need no delivery to show themselves."""

from datetime import datetime, timezone
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from customer_mart import __version__
from customer_mart.fingerprint import package_version
from customer_mart.incremental import decide
from customer_mart.incremental.last_run import LastRun
from customer_mart.run import start_run
from customer_mart.settings import load_settings

AS_OF = datetime(2025, 1, 1, tzinfo=timezone.utc)


def test_a_session_in_which_a_merge_cannot_name_its_run_rebuilds(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Serverless refuses the one, every session the other.
    monkeypatch.setattr(decide, "USER_METADATA", "spark.sql.warehouse.dir")
    run = start_run(spark, load_settings(None, [], {"mart": str(tmp_path)}), AS_OF, "auto")
    last = LastRun(AS_OF, run.record.settings_hash, package_version(), {}, {}, {}, {})
    assert decide.rebuild_reason(run, {}, last) == (
        "this session refuses spark.sql.warehouse.dir, by which a merge names its run"
    )


def test_other_code_of_the_same_version_rebuilds(spark: SparkSession, tmp_path: Path) -> None:
    run = start_run(spark, load_settings(None, [], {"mart": str(tmp_path)}), AS_OF, "auto")
    last = LastRun(AS_OF, run.record.settings_hash, f"{__version__}+0123456789ab", {}, {}, {}, {})
    assert decide.rebuild_reason(run, {}, last) == (
        f"the last run was made by other code of customer-mart, {__version__}+0123456789ab"
    )
