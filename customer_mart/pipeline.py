"""The steps of each build in order, from opening the sources to the moves between tiers."""

from collections.abc import Callable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.errors import GaveWayError
from customer_mart.incremental.published_dim import newest_dim
from customer_mart.incremental.touched import Touched
from customer_mart.run import Run
from customer_mart.sources import SourceTable
from customer_mart.steps.gates import (
    require_dim_checks,
    require_nobody_erased,
    require_published_scores,
    require_scoring_checks,
    require_sound_sources,
    require_unique_customers,
    require_unique_games,
)
from customer_mart.steps.give_way import giving_way_to_damage
from customer_mart.steps.incremental_run import (
    keep_versions,
    merge_dim_customer,
    quarantine_of_others,
    rebuilt_for,
    scores_are_current,
    touched_customers,
)
from customer_mart.steps.open_sources import note_erased_rows, open_sources
from customer_mart.steps.publish_quarantine import publish_quarantine
from customer_mart.steps.publish_scores import publish_scoring
from customer_mart.steps.publish_tables import ensure_tables
from customer_mart.steps.publish_tier_changes import owed_tier_changes, publish_tier_changes
from customer_mart.steps.stage_dim_customer import (
    StagedDim,
    publish_dim_customer,
    stage_dim_customer,
)
from customer_mart.steps.stage_sources import StagedCustomers, stage_customers

Sources = dict[str, SourceTable]
# Publishes by the sources and the touched customers; without these, everything.
Publish = Callable[[Run, Sources, Touched | None], None]

SCORING_TABLES = ("customer_ltv_scoring", "customer_tier_changes")


def build_customer_mart(run: Run) -> None:
    """Both tables, from the staging tables: rebuilt, or brought up to date from what changed.

    Nothing is published but quarantine before every check of the customers that were computed, and
    of their scores, has passed; the scores that are published are computed from the very version
    of dim_customer that was, and checked by the job that writes them. Then the tier moves: what a
    run that died before them owes, the next one makes good.
    """
    sources = _sources(run, "dim_customer", *SCORING_TABLES)
    _brought_up_to_date(run, sources, _publish_both)


def build_dim_customer(run: Run) -> None:
    """dim_customer alone, from the staging tables."""
    sources = _sources(run, "dim_customer")
    _brought_up_to_date(run, sources, _publish_dim_alone)


def build_customer_ltv_scoring(run: Run) -> None:
    """customer_ltv_scoring alone, from the dim_customer that was published last."""
    run.record.mode = "full"
    ensure_tables(run, *SCORING_TABLES, "mart_runs")
    version, _ = newest_dim(run.spark, run.settings)
    customers = _dim_at(run, version)
    if run.erased:
        # An erasure may have been interrupted, or dim_customer restored to what it was before one.
        customers = run.erased.left_out(customers, F.col("user_id"))
    require_unique_customers(run, customers)
    _publish_scores(run, customers, version)


def _sources(run: Run, *tables: str) -> Sources:
    """The sources, opened, and the tables that the run will publish, made.

    Tables are made once the sources are known to be sound, and before anything is published.
    """
    sources = open_sources(run)
    require_unique_games(sources["stg_games"])
    ensure_tables(run, "quarantine", "mart_runs", *tables)
    return sources


def _brought_up_to_date(run: Run, sources: Sources, publish: Publish) -> None:
    """Publishes what the touched customers change, or everything where that is not safe."""
    asked = run.record.mode
    touched = touched_customers(run, sources)
    if touched is None or asked == "incremental":
        publish(run, sources, touched)
        return
    try:
        with run.record.undone_if_it_gives_way(), giving_way_to_damage(run):
            publish(run, sources, touched)
    except GaveWayError as reason:
        run.record.mode, run.record.touched_customers = asked, None
        run.progress.failed_stage = None
        run.progress.note(rebuilt_for(run, str(reason)))
        publish(run, sources, None)


def _publish_both(run: Run, sources: Sources, touched: Touched | None) -> None:
    """Both tables, and the moves between tiers; touched: None for a rebuild."""
    if touched is None or not touched.is_nobody:
        version = _publish_dim(run, sources, touched, scored=True)
    elif scores_are_current(run):
        _keep_tables(run, touched)
        return
    else:
        require_sound_sources(run, _counted(run, sources))
        version, _ = newest_dim(run.spark, run.settings)
    _publish_scores(run, _dim_at(run, version), version)
    keep_versions(run, touched)


def _publish_dim_alone(run: Run, sources: Sources, touched: Touched | None) -> None:
    """dim_customer; touched: None for a rebuild."""
    if touched is None or not touched.is_nobody:
        _publish_dim(run, sources, touched, scored=False)
    keep_versions(run, touched)


def _publish_dim(run: Run, sources: Sources, touched: Touched | None, *, scored: bool) -> int:
    """dim_customer computed, checked and published, all of it or the touched; its version."""
    if touched is None:
        return publish_dim_customer(run, _checked_dim_customer(run, sources, scored=scored).rows)
    staged = _checked_touched(run, sources, touched, scored=scored)
    return merge_dim_customer(run, staged.rows, touched)


def _checked_dim_customer(run: Run, sources: Sources, *, scored: bool) -> StagedDim:
    """dim_customer staged and checked, its quarantined rows published.

    scored: whether the scores of its customers are checked too.
    """
    staged = stage_customers(run, sources)
    whole = {balance.source: balance.read for balance in run.record.balances}
    note_erased_rows(run, sources, whole)
    publish_quarantine(run, sources, staged)
    require_sound_sources(run, whole)
    return _checked(run, staged, scored=scored)


def _checked_touched(run: Run, sources: Sources, touched: Touched, *, scored: bool) -> StagedDim:
    """Touched customers alone staged and checked, quarantine brought up to date."""
    whole = _counted(run, sources)
    staged = stage_customers(run, touched.rows)
    others = quarantine_of_others(run, touched, sources)
    publish_quarantine(run, touched.rows, staged, others)
    require_sound_sources(run, whole)
    return _checked(run, staged, scored=scored)


def _checked(run: Run, staged: StagedCustomers, *, scored: bool) -> StagedDim:
    customers = stage_dim_customer(run, staged, scored=scored)
    require_dim_checks(run, customers, staged.signups)
    if scored:
        require_scoring_checks(run, customers)
    require_nobody_erased(run)
    return customers


def _counted(run: Run, sources: Sources) -> dict[str, int]:
    """The rows of each source, which Delta's log tells unless somebody was erased.

    Those of erased customers are noted.
    """
    whole = {name: source.rows.count() for name, source in sources.items()}
    note_erased_rows(run, sources, whole)
    return whole


def _dim_at(run: Run, version: int) -> DataFrame:
    return run.target("dim_customer").read(run.spark, version)


def _keep_tables(run: Run, touched: Touched) -> None:
    """Leaves the tables as they are, but for moves between tiers that are owed."""
    if owed_tier_changes(run):
        _tell_moves(run)
        run.progress.note("nothing has changed since the last run: only moves were owed")
    else:
        run.progress.note("nothing has changed since the last run: no table was written")
    keep_versions(run, touched)


def _publish_scores(run: Run, customers: DataFrame, dim_version: int) -> None:
    """Publishes the scores of customers, and what moved since the ones before."""
    totals = publish_scoring(run, customers, dim_version)
    require_published_scores(run, totals)
    _tell_moves(run)


def _tell_moves(run: Run) -> None:
    """Adds the moves between tiers; of these nothing but an erasure ever removes any."""
    require_nobody_erased(run)
    publish_tier_changes(run)
