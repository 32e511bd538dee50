"""Duplicates of facts: sought where there may be some, and only there."""

from typing import Any

from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from customer_mart.joins import small_side
from customer_mart.passes import early_rows, observed
from customer_mart.publish.run_record import KEYS_OF_OTHER_USERS
from customer_mart.run import Run
from customer_mart.staging.balance import duplicate_metrics
from customer_mart.staging.dispositions import (
    DISPOSITION,
    DUPLICATE_KEY,
    IS_ANOTHERS,
    USED,
    with_duplicates,
)
from customer_mart.staging.user_key import (
    HAS_DUPLICATES,
    KEY_HASH,
    KEY_HASHES,
    USER_HASH,
    exchanged,
    with_user_hash,
)
from customer_mart.steps.user_source import UserSource


def with_shared_keys(
    run: Run, source: UserSource, staged: DataFrame, suspects: int
) -> tuple[DataFrame, int]:
    """The staged frame, users of a key that another user has suspects too; how many there are.

    staged: a source's, not compared yet, with suspects of its own already. Whether two users have
    a key shows only where keys are together. So the hashes of keys go through an exchange of their
    own, eight bytes a row: to exchange the rows by key as well as by user would cost several times
    as much, and what is sought is rare.
    """
    key, found = list(source.method.key), Observation()
    keys = staged.select(F.explode(KEY_HASHES).alias(KEY_HASH))
    # By itself the engine would count before the exchange too, where nearly every key is alone.
    counted = keys.repartition(KEY_HASH).groupBy(KEY_HASH).agg(F.count(F.lit(1)).alias("users"))
    many = counted.where("users > 1").select(KEY_HASH)
    counting = many.observe(found, F.count(F.lit(1)).alias("keys"))
    shared = run.staging.stage(f"{source.name}_shared_keys", counting)
    number = observed(found).get("keys", 0)
    if number == 0:
        return staged, suspects
    by_key = staged.select(*key, F.explode(KEY_HASHES).alias(KEY_HASH))
    sharing = by_key.join(small_side(shared, number, hashed=True), KEY_HASH, "left_semi")
    users = sharing.select(*key, F.lit(True).alias("is_sharing")).distinct()
    known = staged.drop(KEY_HASHES).join(users, key, "left")
    is_either = F.col(HAS_DUPLICATES) | F.col("is_sharing").isNotNull()
    suspected = known.withColumn(HAS_DUPLICATES, is_either).drop("is_sharing")
    suspected = run.staging.stage(f"{source.name}_suspected", suspected)
    return suspected, suspected.where(HAS_DUPLICATES).count()


def compared_again(
    run: Run, source: UserSource, staged: DataFrame, suspects: int
) -> tuple[DataFrame, dict[str, Any]]:
    """The staged frame with the suspects' rows read again and compared, key by key.

    Also what was counted of those that were set aside.

    suspects: how many users of the staged frame may have duplicates. To compare all rows would
    take a second exchange and sort of them all. A second read is the price of that, paid by
    sources that have duplicates.
    """
    table, key, duplicates = source.contract, list(source.method.key), Observation()
    users = staged.where(HAS_DUPLICATES).select(*key)
    used = early_rows(run, source.table).where(F.col(DISPOSITION) == USED)
    few = small_side(users, suspects, hashed=True)
    theirs = with_user_hash(used).join(few, key, "left_semi").drop(USER_HASH)
    by_key = theirs.repartition(*table.key)
    # By user again, and after the last exchange: what is observed here is exact.
    by_user = exchanged(with_duplicates(by_key, table), source.method)
    of_others = F.count_if((F.col(DISPOSITION) == DUPLICATE_KEY) & F.col(IS_ANOTHERS))
    counted = by_user.observe(
        duplicates, *duplicate_metrics(table), of_others.alias(KEYS_OF_OTHER_USERS)
    )
    kept = counted.where(F.col(DISPOSITION) == USED)
    afresh = run.staging.stage(f"{table.name}_compared", source.per_customer(kept))
    others = staged.where(~F.col(HAS_DUPLICATES)).drop(KEY_HASHES)
    return others.unionByName(afresh), observed(duplicates)
