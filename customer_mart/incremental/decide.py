"""Whether the tables can be brought up to date from what changed, or have to be rebuilt."""

from collections.abc import Iterator, Mapping, Sequence

from customer_mart.erasure.ledger import requests_in_ledger
from customer_mart.erasure.ledger_guard import loss_of_entries
from customer_mart.fingerprint import package_version
from customer_mart.incremental.last_run import LastRun
from customer_mart.publish.commit import USER_METADATA
from customer_mart.publish.history import Commit, change_since, history
from customer_mart.publish.run_record import source_rows_before
from customer_mart.run import Run
from customer_mart.session_setting import is_settable
from customer_mart.sources import SourceTable
from customer_mart.sources.changes import incomplete_since

INCREMENTAL_TARGETS = ("dim_customer", "customer_ltv_scoring", "quarantine")


def rebuild_reason(run: Run, sources: dict[str, SourceTable], last: LastRun | None) -> str | None:
    """The first reason why only a rebuild is sure to be right; None when there is none."""
    if last is None:
        return "no successful run is on record"
    return next(_reasons(run, sources, last), None)


def changed_meanwhile(
    histories: Mapping[str, Sequence[Commit]], last: LastRun, run_id: str
) -> str | None:
    """The first change of a table since the last run that is not this one's own; None without.

    histories: of the tables that are there, newest first. run_id: this run.
    """
    for table in INCREMENTAL_TARGETS:
        if table not in histories:
            return f"{table} went away"
        since = last.target_versions[table]
        if commit := change_since(histories[table], since, but_for=run_id):
            return f"{table} was changed by something else: {commit}"
    return None


def _reasons(run: Run, sources: dict[str, SourceTable], last: LastRun) -> Iterator[str]:
    if last.settings_hash != run.record.settings_hash:
        yield "settings that change a row or let it pass have changed"
    if last.package_version != package_version():
        yield f"the last run was made by other code of customer-mart, {last.package_version}"
    if last.as_of > run.as_of:
        yield f"the last run looked from a later instant, {last.as_of.isoformat()}"
    if last.keys_of_others:
        # Which of their rows is used depends on customers whom nothing may have touched.
        rows = last.keys_of_others
        yield f"the last run set {rows} rows aside that had the key of another customer's"
    if not is_settable(run.spark, USER_METADATA):
        yield f"this session refuses {USER_METADATA}, by which a merge names its run"
    if run.erased and run.erased.unfinished:
        yield (
            "an erasure did not come to its end: run customer-mart erase again for the customers "
            f"of {', '.join(run.erased.unfinished)}"
        )
    if loss := loss_of_entries(run.spark, run.settings, last.ledger):
        # Who is not in it any more may come back, and nothing of theirs has changed since.
        yield f"the ledger of erased customers {loss}"
    yield from _source_reasons(run, sources, last)
    yield from _target_reasons(run, last)


def _source_reasons(run: Run, sources: dict[str, SourceTable], last: LastRun) -> Iterator[str]:
    # Those that are no Delta tables have no version, but had rows.
    read = {*last.source_versions, *source_rows_before(run.spark, run.target("mart_runs"))}
    gone = sorted(read - set(sources))
    if gone:
        yield f"source {gone[0]} is not there any more"
    for name, source in sources.items():
        since = last.source_versions.get(name)
        if source.location.version is None:
            yield f"source {name} is not a Delta table"
        elif since is None:
            yield f"the last run did not read source {name} as a Delta table"
        elif not (identity := last.source_ids[name]).startswith(source.location.table_id):
            yield f"source {name} is another table than the last run read"
        elif reason := incomplete_since(run.spark, source, since, identity):
            yield f"of source {name}, {reason}"


def _target_reasons(run: Run, last: LastRun) -> Iterator[str]:
    for table in INCREMENTAL_TARGETS:
        target, since = run.target(table), last.target_versions.get(table)
        if since is None:
            yield f"the version of {table} that belongs to the last run is not on record"
        elif not target.exists(run.spark):
            # The job of dim_customer alone does not make the scores.
            yield f"{table} is not there any more"
        else:
            commits = history(run.spark, target)
            if change := last.change_of(table, commits):
                yield f"{table} was changed since the last run: {change}"
            if last.ledger is None and (request := _forgotten_erasure(run, commits, since)):
                yield f"erasure {request} has changed {table} since, and no ledger tells of it"


def _forgotten_erasure(run: Run, commits: Sequence[Commit], since: int) -> str | None:
    """A request that has removed customers since a version, and whose entries are gone."""
    requests = {c.erasure for c in commits if c.erasure and c.version > since}
    if not requests:
        return None
    return min(requests - requests_in_ledger(run.spark, run.settings), default=None)
