"""The customers whom anything touched since the last run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from customer_mart.contracts import Contract
from customer_mart.incremental.last_run import LastRun
from customer_mart.joins import are_few, flagged
from customer_mart.passes import early_rows
from customer_mart.rows import frame_of
from customer_mart.run import Run
from customer_mart.sources import SourceTable
from customer_mart.sources.changes import CHANGE_TYPE, changed_rows
from customer_mart.staging.dispositions import DISPOSITION, USED
from customer_mart.staging.user_key import KEY_HASH, hash_of_key

GAMES, PURCHASES = "stg_games", "stg_ticket_purchases"


@dataclass(frozen=True)
class ChangedKeys:
    """Hashes of keys, one row each, and at most how many they are."""

    hashes: DataFrame
    number: int

    @property
    def are_few(self) -> bool:
        """Whether they go to the rows, and these through no exchange."""
        return are_few(self.number, hashed=True)

    def marked(self, rows: DataFrame, table: Contract) -> DataFrame:
        """The same rows with `has_changed_key`, True for those of such a key, else NULL."""
        hashed = rows.withColumn(KEY_HASH, hash_of_key(table.key))
        return flagged(hashed, self.hashes, self.number, "has_changed_key").drop(KEY_HASH)


@dataclass(frozen=True)
class Touched:
    """Who was touched and by which sources.

    users: one row per user. sources: those with any change or row come due, also of nobody.
    last: the run since which. keys: the keys of the rows that came, by source, of sources in which
    another customer may have one of them. rows: the sources cut down to the touched customers.
    """

    users: DataFrame
    number: int
    sources: frozenset[str]
    last: LastRun
    keys: Mapping[str, ChangedKeys] = field(default_factory=dict)
    rows: Mapping[str, SourceTable] = field(default_factory=dict)

    @property
    def is_nobody(self) -> bool:
        """Whether nothing changed: no customer, and no row of nobody."""
        return self.number == 0 and not self.sources

    def marked(self, rows: DataFrame) -> DataFrame:
        """The same rows with `is_touched`, True for those of touched users, else NULL.

        Touched users are few as a rule: they go to the rows, and the rows through no exchange.
        """
        return flagged(rows, self.users, self.number, "is_touched")


def find_touched(run: Run, sources: dict[str, SourceTable], last: LastRun) -> Touched:
    """Everybody a change of a source, the passing of time or a game's jackpot may have touched.

    Who is found needlessly is only computed again; nobody may be missed.
    """
    changes = {
        name: changed_rows(run.spark, source, last.source_versions[name])
        for name, source in sources.items()
        if source.location.version != last.source_versions[name]
    }
    # Of those that tell no user any change is one of all; OPTIMIZE makes versions without any.
    no_user = [
        name
        for name, changed in changes.items()
        if not changed.contract.has_user and not changed.rows.isEmpty()
    ]
    found = [
        _users_of(early_rows(run, changed, F.col(CHANGE_TYPE)), name, _key_that_came(changed))
        for name, changed in changes.items()
        if changed.contract.has_user
    ]
    if run.as_of != last.as_of:
        found += [
            _users_of(_come_due(run, source, last.as_of), name, _key(source))
            for name, source in sources.items()
            if source.contract.has_user
        ]
    if GAMES in no_user:
        threshold = run.settings.high_jackpot_threshold_minor
        crossed = _games_that_crossed(changes[GAMES], threshold)
        played = sources[PURCHASES].typed().join(F.broadcast(crossed), "game_id", "left_semi")
        found.append(_users_of(played, GAMES))
    if run.as_of != last.as_of:
        no_user += _due_without_user(run, sources, last.as_of)
    return _staged(run, found, frozenset(no_user), last)


def _users_of(rows: DataFrame, source: str, key: Column | None = None) -> DataFrame:
    """One row per user, the NULL of nobody included, source that touched the user, and key."""
    hashed = F.lit(None).cast("bigint") if key is None else key
    return rows.select("user_id", F.lit(source).alias("source"), hashed.alias(KEY_HASH)).distinct()


def _key(source: SourceTable) -> Column | None:
    """The hash of a row's key where it may be used, else NULL; None where users share no key."""
    if not source.may_share_keys:
        return None
    return F.when(F.col(DISPOSITION) == USED, hash_of_key(source.contract.key))


def _key_that_came(changes: SourceTable) -> Column | None:
    """The same of a change, where it is not one that a row went by."""
    key = _key(changes)
    return None if key is None else F.when(_came(), key)


def _came() -> Column:
    """Whether a change is a row that came, not one that went."""
    return F.col(CHANGE_TYPE).isin("insert", "update_postimage")


def _come_due(run: Run, source: SourceTable, last_as_of: datetime) -> DataFrame:
    """Rows that did not exist yet for the last run and do for this one."""
    time = F.col(source.contract.tagged("event_time") or "")
    # The engine skips the files whose statistics end before the last run's instant.
    is_due = (time >= F.lit(last_as_of)) & (time < F.lit(run.as_of))
    return early_rows(run, source).where(is_due)


def _due_without_user(
    run: Run, sources: dict[str, SourceTable], last_as_of: datetime
) -> list[str]:
    """Sources of nobody's rows, some of which did not exist yet for the last run and do now."""
    return [
        name
        for name, source in sources.items()
        if source.contract.tagged("event_time")
        and not source.contract.has_user
        and not _come_due(run, source, last_as_of).isEmpty()
    ]


def _games_that_crossed(changes: SourceTable, threshold_minor: int) -> DataFrame:
    """One row per game that became high-jackpot or ceased to be.

    A game is there once at most, then and now: of its high rows as many came as went, unless it
    is high now and was not, or was and is not.
    """
    is_high = F.col("jackpot_estimate_minor") >= threshold_minor
    high = changes.typed(F.col(CHANGE_TYPE)).where(is_high)
    games = high.groupBy("game_id").agg(F.sum(F.when(_came(), 1).otherwise(-1)).alias("more"))
    return games.where("more <> 0").select("game_id")


def _staged(
    run: Run, found: list[DataFrame], without_user: frozenset[str], last: LastRun
) -> Touched:
    if not found:
        nobody = frame_of(run.spark, "user_id string")
        return Touched(nobody, 0, without_user, last)
    everybody = reduce(DataFrame.unionByName, found)
    touched = run.staging.stage("touched", everybody.distinct())
    counted = touched.groupBy("source").agg(F.count(KEY_HASH).alias("keys")).collect()
    keys = {
        row["source"]: ChangedKeys(_keys_of(touched, row["source"]), row["keys"])
        for row in counted
        if row["keys"]
    }
    users = touched.where("user_id IS NOT NULL").select("user_id").distinct()
    staged = run.staging.stage("touched_users", users)
    sources = without_user | {row["source"] for row in counted}
    return Touched(staged, staged.count(), sources, last, keys)


def _keys_of(touched: DataFrame, source: str) -> DataFrame:
    """One row per hash of a key that came in a source."""
    is_one = (F.col("source") == source) & F.col(KEY_HASH).isNotNull()
    return touched.where(is_one).select(KEY_HASH).distinct()
