"""Staging one source: one pass and one exchange, and one more of what has duplicates.

Where these are sought depends on the source. One that is declared unique has none. Signups are
compared in the one pass, for rows of one key are together by their user already. Facts are many
and their duplicates few: each only gets the hash of its key, and users who have the same twice, or
one that another user has, are compared afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pyspark.errors import ArithmeticException
from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F

from customer_mart.errors import GaveWayError
from customer_mart.passes import early_rows, observed
from customer_mart.progress import Stage
from customer_mart.publish.run_record import KEYS_OF_OTHER_USERS
from customer_mart.run import Run
from customer_mart.staging.balance import duplicate_metrics, observed_early
from customer_mart.staging.dispositions import DISPOSITION, NOT_YET, USED, with_duplicates
from customer_mart.staging.user_key import (
    HAS_DUPLICATES,
    IS_MIXED,
    KEY_HASH,
    KEY_HASHES,
    SURE,
    hash_of_key,
)
from customer_mart.steps.compare_duplicates import compared_again, with_shared_keys
from customer_mart.steps.reconcile import balance
from customer_mart.steps.user_source import UserSource


@dataclass(frozen=True)
class Staged:
    """What a source says of its customers: at most one row per key of the method.

    That of a fact has rows of orphans too. suspected: the same before duplicates were compared,
    with every user whose rows had to be, also one who has none left.
    """

    rows: DataFrame
    suspected: DataFrame


@dataclass(frozen=True)
class Counted:
    """A source as staged, with what was counted of its users and of what duplicates set aside."""

    staged: Staged
    users: Mapping[str, Any]
    duplicates: Mapping[str, Any] = field(default_factory=dict)


def stage_source(run: Run, source: UserSource) -> Staged:
    """The source's per-customer frame, written once; its balance goes to the run's record.

    Raises:
        GaveWayError: if the quick method does not do.
    """
    with run.progress.stage(source.name) as stage:
        try:
            return _staged(run, source, stage)
        except ArithmeticException as error:
            if source.method is SURE:
                raise
            raise GaveWayError(f"a sum of {source.name} exceeds BIGINT") from error


def _staged(run: Run, source: UserSource, stage: Stage) -> Staged:
    early, warnings = Observation(), run.record.warnings
    read = early_rows(run, source.table).transform(observed_early, source.contract, early)
    counted = _counted(run, source, source.by_user(read), stage)
    users, duplicates = counted.users, counted.duplicates
    if users.get(IS_MIXED):
        raise GaveWayError(f"users of {source.name} share a hash")
    warnings.update({name: users.get(name) or 0 for name in source.measure.warnings})
    warnings[KEYS_OF_OTHER_USERS] += duplicates.get(KEYS_OF_OTHER_USERS, 0)
    stage.rows = balance(run, source.table, observed(early), duplicates, users).read
    return counted.staged


def _counted(run: Run, source: UserSource, rows: DataFrame, stage: Stage) -> Counted:
    """The source staged from its rows by user, its duplicates sought where it may have any."""
    if source.table.is_unique:
        return _written(run, source, rows)
    if source.table.may_share_keys:
        return _compared_afterwards(run, source, rows, stage)
    return _compared_at_once(run, source, rows)


def _compared_at_once(run: Run, source: UserSource, rows: DataFrame) -> Counted:
    """Staged from rows whose key is their user, compared on the way."""
    found = Observation()
    compared = with_duplicates(rows, source.contract)
    marked = compared.observe(found, *duplicate_metrics(source.contract))
    written = _written(run, source, marked.where(F.col(DISPOSITION).isin(USED, NOT_YET)))
    return replace(written, duplicates=observed(found))


def _compared_afterwards(run: Run, source: UserSource, rows: DataFrame, stage: Stage) -> Counted:
    """Staged from rows with the hash of their key, and from those of suspects once more."""
    hashed = rows.withColumn(KEY_HASH, hash_of_key(source.contract.key))
    first = _written(run, source, hashed, F.count_if(HAS_DUPLICATES).alias(HAS_DUPLICATES))
    with_own = first.users.get(HAS_DUPLICATES, 0)
    suspected, suspects = with_shared_keys(run, source, first.staged.rows, with_own)
    if not suspects:
        return replace(first, staged=Staged(suspected.drop(KEY_HASHES), suspected))
    stage.notes.append(f"{suspects} users compared for duplicates")
    compared, duplicates = compared_again(run, source, suspected, suspects)
    users = compared.agg(*source.measure.metrics()).collect()[0].asDict()
    return Counted(Staged(compared, suspected), users, duplicates)


def _written(run: Run, source: UserSource, rows: DataFrame, *further: Column) -> Counted:
    """Staged from rows by user as they are, counted as they are written.

    further: what is counted besides.
    """
    found = Observation()
    metrics = (*source.measure.metrics(), *further)
    staged = run.staging.stage(source.name, source.per_customer(rows).observe(found, *metrics))
    return Counted(Staged(staged, staged), observed(found))
