"""The ledger's salt: kept by the ledger itself, or in an environment variable."""

import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from customer_mart.erasure.ledger import enter, erased_customers
from customer_mart.errors import DataError, UsageError
from customer_mart.publish.target import Target, target
from customer_mart.settings import Settings, load_settings
from customer_mart.sources.salted_hash import salted_hash, salted_hash_of

LONG_ENOUGH = "something of many characters"


@pytest.fixture
def ledger(empty_mart: Path, tmp_path: Path) -> Target:
    for table in ("erased_customers", "mart_runs"):
        shutil.copytree(empty_mart / table, tmp_path / table)
    return target("erased_customers", _settings(tmp_path).mart)


def _settings(mart: Path, salt_env: str | None = None) -> Settings:
    overrides = [f"erasure.salt_env={salt_env}"] if salt_env else []
    return load_settings(None, overrides, {"mart": str(mart)})


def test_the_engine_and_python_hash_alike(spark: SparkSession) -> None:
    # SHA-256 of the bytes `salt` and `u-1`, by sha256sum.
    expected = "036aa83a33e3d32388363322ca653511543392835563b114001df630f520103d"
    assert salted_hash_of("u-1", b"salt") == expected
    ids = spark.createDataFrame([("u-1",), (None,), ("é",)], "user_id string")
    hashes = ids.select(salted_hash(F.col("user_id"), b"salt").alias("hash")).collect()
    assert [row["hash"] for row in hashes] == [expected, None, salted_hash_of("é", b"salt")]


def test_a_salt_in_the_environment_is_not_in_the_mart(
    spark: SparkSession, ledger: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(tmp_path, "MART_SALT")
    monkeypatch.setenv("MART_SALT", "too short")
    told = r"erasure\.salt_env names must hold a secret of 16 characters"
    with pytest.raises(UsageError, match=told):
        enter(spark, settings, ["u1"], "erase_1")
    monkeypatch.setenv("MART_SALT", LONG_ENOUGH)
    assert enter(spark, settings, ["u1", "u2"], "erase_1") == 2
    assert enter(spark, settings, ["u2", "u3"], "erase_2") == 1
    detail = spark.sql(f"DESCRIBE DETAIL {ledger.identifier}").collect()[0]
    assert "customer_mart.salt" not in detail["properties"]

    erased = erased_customers(spark, settings)
    assert erased is not None
    assert erased.unfinished == ("erase_1", "erase_2")
    ids = spark.createDataFrame([("u2",), ("u4",)], "user_id string")
    assert [row["user_id"] for row in erased.found_among(ids).collect()] == ["u2"]

    monkeypatch.setenv("MART_SALT", LONG_ENOUGH.upper())
    with pytest.raises(UsageError, match=r"does not hold the salt that the ledger"):
        erased_customers(spark, settings)
    with pytest.raises(UsageError, match=r"name that variable in the setting erasure\.salt_env"):
        erased_customers(spark, _settings(tmp_path))


def test_a_salt_that_the_ledger_keeps_is_used_and_missed(
    spark: SparkSession, ledger: Target, tmp_path: Path
) -> None:
    assert erased_customers(spark, _settings(tmp_path)) is None
    assert enter(spark, _settings(tmp_path), ["u1"], "erase_1") == 1
    with pytest.raises(UsageError, match="keeps its salt itself"):
        erased_customers(spark, _settings(tmp_path, "MART_SALT"))
    spark.sql(f"ALTER TABLE {ledger.identifier} UNSET TBLPROPERTIES ('customer_mart.salt')")
    with pytest.raises(DataError, match="names customers but has lost its salt"):
        erased_customers(spark, _settings(tmp_path))
    with pytest.raises(DataError, match="names customers but has lost its salt"):
        enter(spark, _settings(tmp_path), ["u2"], "erase_2")
    assert ledger.read(spark).count() == 1
