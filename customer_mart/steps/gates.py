"""Gates: what has to hold before anything but quarantine is published, and of scores that are."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame

from customer_mart.contracts import contract
from customer_mart.erasure.ledger_guard import require_no_new_entry
from customer_mart.errors import DataError, MartError
from customer_mart.incremental.published_dim import is_as_recorded
from customer_mart.publish.checks import (
    CHECKSUM,
    Check,
    contract_checks,
    key_checks,
    key_checksum,
    parent_check,
    shared_keys,
    unique_check,
)
from customer_mart.publish.run_record import source_rows_before
from customer_mart.run import Run
from customer_mart.sources import SourceTable
from customer_mart.staging.balance import READ, Balance
from customer_mart.staging.dispositions import USED
from customer_mart.steps.publish_scores import SCORING_TOTALS, Totals
from customer_mart.steps.stage_dim_customer import StagedDim

NEVER_EMPTIED = ("stg_signups", "stg_games")
BEFORE_SIGNUP = ("purchases_before_signup", "deposits_before_signup")


def require_unique_games(source: SourceTable) -> None:
    """Refuses a game that is listed twice: joined to purchases it would multiply spend.

    Raises:
        DataError: if there is one.
    """
    games = source.typed().where("game_id IS NOT NULL").groupBy("game_id").count()
    repeated = games.where("count > 1").orderBy("game_id").first()
    if repeated:
        raise DataError(
            f"Source stg_games has game_id {repeated['game_id']} {repeated['count']} times; "
            "each game must be there once, or its purchases would count more than once"
        )


def require_sound_sources(run: Run, whole: Mapping[str, int]) -> None:
    """Lets the run go on if every source is balanced, clean enough and not suddenly empty.

    whole: rows of each source, also when those of touched customers alone were read, or none; what
    is in quarantine by then is of the whole source all the same. A rebuild is judged by that too:
    its own count has rows that quarantine does not keep, for they hold an erased customer's id.

    Raises:
        DataError: on the first that is not.
    """
    for balance in run.record.balances:
        if not balance.is_balanced:
            raise DataError(_unbalanced(balance))
    before = source_rows_before(run.spark, run.target("mart_runs"))
    judged = _judged(run, whole)
    run.record.source_rows = {balance.source: balance.read for balance in judged}
    for balance in judged:
        for problem in _source_problems(run, balance, before.get(balance.source, 0)):
            raise DataError(problem)
    purchases, deposits = (run.record.warnings.get(name, 0) for name in BEFORE_SIGNUP)
    if (purchases or deposits) and run.settings.quality.purchase_before_signup == "fail":
        raise DataError(
            f"{purchases} purchases and {deposits} deposits lie before their customer's signup, "
            "and quality.purchase_before_signup is fail"
        )


def _judged(run: Run, whole: Mapping[str, int]) -> list[Balance]:
    """What each source as a whole has, and has in quarantine by reason."""
    rows = run.target("quarantine").read(run.spark).groupBy("source", "reason").count()
    found: dict[str, dict[str, int]] = {name: {READ: read} for name, read in whole.items()}
    for row in rows.collect():
        found.setdefault(row["source"], {})[row["reason"]] = row["count"]
    return [Balance(name, found[name], {}) for name in whole]


def _unbalanced(balance: Balance) -> str:
    return (
        f"Source {balance.source} does not reconcile: {dict(balance.rows)}; it may have changed "
        "while it was read, so run again or read a Delta table"
    )


def _source_problems(run: Run, judged: Balance, before: int) -> Iterator[str]:
    """What is wrong with a source, by its rows and those of it in quarantine.

    before: the rows it had in the last run.
    """
    quality, name = run.settings.quality, judged.source
    was_emptied = name in NEVER_EMPTIED and before > 0 and judged.read == 0
    if was_emptied and not quality.allow_emptied_sources:
        yield (
            f"Source {name} is empty now but had {before} rows in the last run; if that "
            "is meant, set quality.allow_emptied_sources=true"
        )
    if judged.quarantined_fraction() > quality.max_quarantined_fraction:
        yield _too_dirty(judged, run)


def _too_dirty(balance: Balance, run: Run) -> str:
    reasons = ", ".join(f"{name} {rows}" for name, rows in sorted(balance.quarantined.items()))
    return (
        f"Source {balance.source} has {sum(balance.quarantined.values())} of {balance.read} rows "
        f"quarantined ({reasons}), more than quality.max_quarantined_fraction = "
        f"{run.settings.quality.max_quarantined_fraction}; see the table quarantine"
    )


def require_nobody_erased(run: Run) -> None:
    """Lets the run go on if nobody was erased since it started.

    Raises:
        DataError: if the ledger that tells is gone, or another or an older copy in its place.
        MartError: if somebody was.
    """
    require_no_new_entry(run.spark, run.settings, run.ledger)


def require_dim_checks(run: Run, staged: StagedDim, signups: DataFrame) -> None:
    """Lets the staged dim_customer through if all its checks pass.

    signups: one row per user, as staged.

    Raises:
        DataError: on the first check that does not.
    """
    table = contract("dim_customer")
    used = {balance.source: balance for balance in run.record.balances}
    totals = {
        "rows": used["stg_signups"].rows.get(USED, 0),
        "total_deposits": used["stg_deposits"].rows.get(USED, 0),
        "total_deposit_amount_minor": used["stg_deposits"].amounts.get(USED, 0),
        "total_purchases": used["stg_ticket_purchases"].rows.get(USED, 0),
        "total_purchase_amount_usd": used["stg_ticket_purchases"].amounts.get(USED, 0),
        "total_web_events": used["stg_web_events"].rows.get(USED, 0),
    }
    with run.progress.stage("check dim_customer"):
        signed_up = signups.where("is_signed_up").agg(key_checksum(table))
        checksum = signed_up.collect()[0][CHECKSUM]
        checks = contract_checks(table, run.settings.rule_values, staged.measured, totals)
        _require(run, checks + key_checks(table, staged.measured, "stg_signups", checksum))


def require_scoring_checks(run: Run, staged: StagedDim) -> None:
    """Lets the staged customers through if their scores would pass all checks.

    Raises:
        DataError: on the first check that they would not.
    """
    checks = _scoring_checks(run, staged.scores, staged.measured)
    # They are recorded once the scores have been published.
    _require(run, [check for check in checks if not check.passed])


def require_unique_customers(run: Run, customers: DataFrame) -> None:
    """Lets customers be scored whom something else than a run may have published.

    Raises:
        DataError: if two have one id.
    """
    if is_as_recorded(run.spark, run.settings):
        return
    table = contract("dim_customer")
    with run.progress.stage("check dim_customer"):
        _require(run, [unique_check(table, shared_keys(customers, table.key))])


def require_published_scores(run: Run, totals: Totals) -> None:
    """Records the checks of the scores: each row has passed them, and all total like customers.

    Raises:
        MartError: if they do not.
    """
    checks = _scoring_checks(run, totals.scores, totals.customers)
    if failed := _first_failed(run, checks):
        outcome = "customer_ltv_scoring had been published by then, so run again"
        raise MartError(failed.failure(outcome))


def _scoring_checks(
    run: Run, scores: Mapping[str, Any], customers: Mapping[str, Any]
) -> list[Check]:
    """The checks of scores by what was measured of them and of the customers they are of."""
    table = contract("customer_ltv_scoring")
    totals = {name: customers.get(f"total:{name}") or 0 for name in SCORING_TOTALS}
    checksum = customers.get(CHECKSUM) or Decimal(0)
    return [
        *contract_checks(table, run.settings.rule_values, scores, totals),
        parent_check(table, scores, "dim_customer", checksum),
    ]


def _require(run: Run, checks: list[Check]) -> None:
    if failed := _first_failed(run, checks):
        raise DataError(failed.failure("the published tables are unchanged"))


def _first_failed(run: Run, checks: list[Check]) -> Check | None:
    """The first check that did not pass, all of them put on record; None if all passed."""
    run.record.checks.extend(checks)
    return next((check for check in checks if not check.passed), None)
