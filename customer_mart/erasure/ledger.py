"""The ledger `erased_customers`: whom no run brings back, as salted hashes."""

from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.erasure.ledger_guard import LEDGER, announce
from customer_mart.erasure.salt import make_salt, salt_of
from customer_mart.publish.commit import erasure_metadata
from customer_mart.publish.merge import merge_into
from customer_mart.publish.tables import ensure_table
from customer_mart.publish.target import Target, target
from customer_mart.settings import Settings
from customer_mart.sources.erased import HASH, Erased
from customer_mart.sources.salted_hash import salted_hash_of


def erased_customers(spark: SparkSession, settings: Settings) -> Erased | None:
    """Whom the mart's ledger names; None when it names nobody or is not there.

    Raises:
        UsageError: if the settings do not lead to its salt.
        DataError: if it has lost its salt.
    """
    ledger = target(LEDGER, settings.mart)
    if not ledger.exists(spark):
        return None
    rows = ledger.read(spark)
    if rows.isEmpty():
        return None
    salt = salt_of(spark, ledger, settings.erasure.salt_env)
    hashes = rows.select(F.col("user_hash").alias(HASH))
    return Erased(hashes, salt, _unfinished(rows))


def unfinished_requests(spark: SparkSession, settings: Settings) -> tuple[str, ...]:
    """The requests some of whose customers a table may still hold, by the ledger, oldest first."""
    ledger = target(LEDGER, settings.mart)
    if not ledger.exists(spark):
        return ()
    return _unfinished(ledger.read(spark))


def requests_in_ledger(spark: SparkSession, settings: Settings) -> frozenset[str]:
    """The requests whose customers the ledger holds."""
    ledger = target(LEDGER, settings.mart)
    return _requests(ledger.read(spark)) if ledger.exists(spark) else frozenset()


def _unfinished(rows: DataFrame) -> tuple[str, ...]:
    return tuple(sorted(_requests(rows.where("erased_at IS NULL"))))


def _requests(rows: DataFrame) -> frozenset[str]:
    return frozenset(row["request_id"] for row in rows.select("request_id").distinct().collect())


def enter(spark: SparkSession, settings: Settings, ids: list[str], request_id: str) -> int:
    """Enters those of the ids that are not in the ledger, and returns how many they were.

    They have no `erased_at` yet: a run leaves them out from here on, but trusts no table to be
    free of them.

    Raises:
        UsageError: if the settings do not lead to the ledger's salt.
        DataError: if it has lost its salt.
    """
    ledger = target(LEDGER, settings.mart)
    ensure_table(spark, ledger)
    # A ledger that names customers and has lost its salt must not be given another.
    salt_for = make_salt if ledger.read(spark).isEmpty() else salt_of
    salt = salt_for(spark, ledger, settings.erasure.salt_env)
    rows = [(salted_hash_of(user_id, salt), None, request_id) for user_id in ids]
    wanted = spark.createDataFrame(rows, ledger.contract.ddl)
    new = wanted.join(ledger.read(spark), "user_hash", "left_anti").coalesce(1)
    number = new.count()
    if number:
        announce(spark, settings, request_id)
        ledger.append(new.write)
    return number


def finish(
    spark: SparkSession, settings: Settings, ids: list[str], request_id: str, now: datetime
) -> None:
    """Says when the ids were erased from every table, of those that had no such time yet."""
    ledger = target(LEDGER, settings.mart)
    salt = salt_of(spark, ledger, settings.erasure.salt_env)
    done = [(salted_hash_of(user_id, salt), now) for user_id in ids]
    _merge_times(spark, ledger, done, request_id)


def _merge_times(
    spark: SparkSession, ledger: Target, done: list[tuple[str, datetime]], request_id: str
) -> None:
    times = spark.createDataFrame(done, "user_hash string, erased_at timestamp")
    open_hashes = ledger.read(spark).where("erased_at IS NULL").select("user_hash")
    if times.join(open_hashes, "user_hash", "left_semi").isEmpty():
        return
    merge_into(
        spark,
        ledger,
        times,
        "t.user_hash = s.user_hash AND t.erased_at IS NULL",
        "WHEN MATCHED THEN UPDATE SET erased_at = s.erased_at",
        erasure_metadata(request_id),
    )
