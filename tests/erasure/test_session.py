"""A session that refuses what an erasure needs."""

import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from customer_mart.erasure import erase
from customer_mart.errors import UsageError
from customer_mart.publish.target import target
from customer_mart.settings import load_settings


def test_a_session_in_which_a_commit_cannot_name_its_request_is_refused_before_the_ledger(
    spark: SparkSession, empty_mart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Serverless refuses the one, every session the other.
    monkeypatch.setattr(erase, "USER_METADATA", "spark.sql.warehouse.dir")
    shutil.copytree(empty_mart, tmp_path / "mart")
    settings = load_settings(None, [], {"mart": str(tmp_path / "mart")})
    with pytest.raises(UsageError, match=r"refuses spark\.sql\.warehouse\.dir, .*; nothing was"):
        erase.erase(spark, settings, ["u1"])
    assert target("erased_customers", settings.mart).read(spark).isEmpty()
