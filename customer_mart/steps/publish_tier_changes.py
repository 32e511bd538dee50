"""The stage that follows a publication of the scores: who moved between tiers by it."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.customer_tier_changes.customer_tier_changes import customer_tier_changes
from customer_mart.errors import first_line
from customer_mart.failures import unreadable_file
from customer_mart.publish.history import history, newest_version, standing
from customer_mart.publish.publications import Publication, owed_publications
from customer_mart.rows import frame_of
from customer_mart.run import Run
from customer_mart.session_setting import HASHED_JOINS, tuned

TABLE = "customer_tier_changes"
NOT_POSSIBLE = "tier_comparisons_not_possible"
# What the engine says of a version whose files or whose log are gone, but for a file that it finds
# damaged or missing as it reads.
GONE = (
    "DELTA_FILE_NOT_FOUND",
    "DELTA_LOG_FILE_NOT_FOUND",
    "DELTA_TRUNCATED_TRANSACTION_LOG",
    "DELTA_VERSION_NOT_FOUND",
    # Where the session does not let itself be told to read old versions.
    "DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION",
)
MADE_ANEW = "customer_ltv_scoring was made anew, and what it held before is gone"


@dataclass(frozen=True)
class Told:
    """What the history of the table tells of it.

    done: the runs whose publication was compared, but for those whose commit a RESTORE has undone.
    restored: the version that the last RESTORE made; None without one.
    """

    done: frozenset[str]
    restored: int | None


def publish_tier_changes(run: Run) -> None:
    """Adds the moves of every publication of the scores that has none yet, one commit each.

    Normally that is this run's own. A run that died before this commit left one more, which is
    compared now, under its own run id; so are those whose moves a RESTORE took away. The commit is
    made also where nobody moved: it says that the publication is done with.
    """
    with run.progress.stage(f"publish {TABLE}") as stage:
        told = _told(run)
        for publication in _owed(run, told):
            if reason := _publish_moves(run, publication, told):
                run.record.warnings[NOT_POSSIBLE] = run.record.warnings.get(NOT_POSSIBLE, 0) + 1
                stage.notes.append(f"no moves to version {publication.version}: {reason}")
        run.record.target_versions[TABLE] = newest_version(run.spark, run.target(TABLE))


def owed_tier_changes(run: Run) -> list[Publication]:
    """The publications of the scores that have no moves yet, oldest first, by two histories."""
    return _owed(run, _told(run))


def _owed(run: Run, told: Told) -> list[Publication]:
    return owed_publications(history(run.spark, run.target("customer_ltv_scoring")), told.done)


def _told(run: Run) -> Told:
    commits = history(run.spark, run.target(TABLE))
    done = (commit.metadata["run_id"] for commit in standing(commits) if commit.metadata)
    restores = (commit.version for commit in commits if commit.operation == "RESTORE")
    return Told(frozenset(done), next(restores, None))


def _publish_moves(run: Run, publication: Publication, told: Told) -> str | None:
    """Writes who moved by a publication; the reason if that cannot be told any more."""
    try:
        is_first = _replaced_nothing(run, publication)
        _append(run, publication, _nobody(run) if is_first else _moves(run, publication), told)
    except Exception as error:
        is_gone = any(condition in first_line(error) for condition in GONE)
        if not is_gone and not unreadable_file(error):
            raise
        _append(run, publication, _nobody(run), told)
        return first_line(error)
    return MADE_ANEW if is_first and told.done else None


def _replaced_nothing(run: Run, publication: Publication) -> bool:
    """Whether it is the first of its table, by which everybody is new and nobody moved."""
    if publication.previous_as_of is not None:
        return False
    return run.target("customer_ltv_scoring").read(run.spark, publication.replaced).isEmpty()


def _moves(run: Run, publication: Publication) -> DataFrame:
    scores = run.target("customer_ltv_scoring")
    before = scores.read(run.spark, publication.replaced)
    after = scores.read(run.spark, publication.version)
    moves = customer_tier_changes(
        before, after, publication.run_id, publication.as_of, publication.previous_as_of
    )
    # Of a publication before an erasure, both versions may still hold the customer.
    return run.erased.left_out(moves, F.col("user_id")) if run.erased else moves


def _append(run: Run, publication: Publication, moves: DataFrame, told: Told) -> None:
    """One file of moves in the order of customers, so that one is found without reading all."""
    write = moves.hint("rebalance").sortWithinPartitions("user_id").write
    metadata = {**publication.metadata, "customer_ltv_scoring_version": str(publication.version)}
    name = f"{TABLE} of {publication.run_id}"
    if told.restored is not None:
        # A RESTORE takes moves away, but not the names under which they were added.
        name += f" since version {told.restored}"
    # To sort both publications by id would compare texts that begin alike.
    with tuned(run.spark, HASHED_JOINS):
        run.target(TABLE).append_once(write, metadata, name, publication.version)


def _nobody(run: Run) -> DataFrame:
    return frame_of(run.spark, run.target(TABLE).contract.ddl)
