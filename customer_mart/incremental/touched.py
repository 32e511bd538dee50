"""The customers whom anything touched since the last run."""

from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.incremental.last_run import LastRun
from customer_mart.joins import flagged
from customer_mart.rows import frame_of
from customer_mart.run import Run
from customer_mart.sources import SourceTable
from customer_mart.sources.changes import CHANGE_TYPE, changed_rows

GAMES, PURCHASES = "stg_games", "stg_ticket_purchases"


@dataclass(frozen=True)
class Touched:
    """Who was touched and by which sources.

    users: one row per user. sources: those with any change or row come due, also of nobody.
    last: the run since which.
    """

    users: DataFrame
    number: int
    sources: frozenset[str]
    last: LastRun

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
        if not changed.contract.tagged("user") and not changed.rows.isEmpty()
    ]
    found = [
        _users_of(changed.typed(), name)
        for name, changed in changes.items()
        if changed.contract.tagged("user")
    ]
    if run.as_of != last.as_of:
        found += [
            _users_of(_come_due(source, last.as_of, run.as_of), name)
            for name, source in sources.items()
            if source.contract.tagged("user")
        ]
    if GAMES in no_user:
        threshold = run.settings.high_jackpot_threshold_minor
        crossed = _games_that_crossed(changes[GAMES], threshold)
        played = sources[PURCHASES].typed().join(F.broadcast(crossed), "game_id", "left_semi")
        found.append(_users_of(played, GAMES))
    if run.as_of != last.as_of:
        no_user += _due_without_user(run, sources, last.as_of)
    return _staged(run, found, frozenset(no_user), last)


def _users_of(rows: DataFrame, source: str) -> DataFrame:
    """One row per user, the NULL of nobody included, and the source that touched the user."""
    return rows.select("user_id", F.lit(source).alias("source")).distinct()


def _come_due(source: SourceTable, last_as_of: datetime, as_of: datetime) -> DataFrame:
    """Rows that did not exist yet for the last run and do for this one."""
    time = F.col(source.contract.tagged("event_time") or "")
    # The engine skips the files whose statistics end before the last run's instant.
    return source.typed().where((time >= F.lit(last_as_of)) & (time < F.lit(as_of)))


def _due_without_user(
    run: Run, sources: dict[str, SourceTable], last_as_of: datetime
) -> list[str]:
    """Sources of nobody's rows, some of which did not exist yet for the last run and do now."""
    return [
        name
        for name, source in sources.items()
        if source.contract.tagged("event_time")
        and not source.contract.tagged("user")
        and not _come_due(source, last_as_of, run.as_of).isEmpty()
    ]


def _games_that_crossed(changes: SourceTable, threshold_minor: int) -> DataFrame:
    """One row per game that became high-jackpot or ceased to be.

    A game is there once at most, then and now: of its high rows as many came as went, unless it
    is high now and was not, or was and is not.
    """
    is_high = F.col("jackpot_estimate_minor") >= threshold_minor
    came = F.col(CHANGE_TYPE).isin("insert", "update_postimage")
    high = changes.typed(F.col(CHANGE_TYPE)).where(is_high)
    games = high.groupBy("game_id").agg(F.sum(F.when(came, 1).otherwise(-1)).alias("more"))
    return games.where("more <> 0").select("game_id")


def _staged(
    run: Run, found: list[DataFrame], without_user: frozenset[str], last: LastRun
) -> Touched:
    if not found:
        nobody = frame_of(run.spark, "user_id string")
        return Touched(nobody, 0, without_user, last)
    everybody = reduce(DataFrame.unionByName, found)
    touched = run.staging.stage("touched", everybody.distinct())
    sources = {row["source"] for row in touched.select("source").distinct().collect()}
    users = touched.where("user_id IS NOT NULL").select("user_id").distinct()
    staged = run.staging.stage("touched_users", users)
    return Touched(staged, staged.count(), without_user | sources, last)
