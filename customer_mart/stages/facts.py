"""Staging the sources: one pass and one exchange a fact, reconciled as it goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F

from customer_mart.dim_customer.deposits import deposits_per_customer
from customer_mart.dim_customer.purchases import purchases_per_customer
from customer_mart.dim_customer.signups import signups_per_customer
from customer_mart.dim_customer.web_events import web_events_per_customer
from customer_mart.run import Run
from customer_mart.sources import SourceTable
from customer_mart.staging.balance import (
    Balance,
    balance_of,
    customer_metrics,
    duplicate_metrics,
    early_metrics,
    recount,
    used_metrics,
)
from customer_mart.staging.dispositions import (
    DISPOSITION,
    NOT_YET,
    USED,
    with_duplicates,
    with_early_disposition,
)
from customer_mart.staging.user_order import with_user_hash

PerCustomer = Callable[[DataFrame], DataFrame]


@dataclass(frozen=True)
class StagedCustomers:
    """What each source says of its customers: at most one row per user each, orphans included."""

    signups: DataFrame
    deposits: DataFrame
    purchases: DataFrame
    web_events: DataFrame


@dataclass(frozen=True)
class Measure:
    """The columns of a per-customer frame that hold its rows, its amount and its doubts."""

    rows: str
    amount: str | None = None
    warnings: Sequence[str] = ()


DEPOSITS = Measure("total_deposits", "total_deposit_amount_minor", ["deposits_before_signup"])
PURCHASES = Measure(
    "total_purchases",
    "total_purchase_amount_usd",
    ["purchases_before_signup", "purchases_of_unknown_games"],
)
WEB_EVENTS = Measure("total_web_events")
SIGNUPS = Measure("used_signups")


def stage_customers(run: Run, sources: dict[str, SourceTable]) -> StagedCustomers:
    """Every source staged per customer and balanced.

    Web events come last: what counts as the last touch before a purchase needs the purchases.
    """
    games = _games(run, sources["stg_games"])
    if "stg_funnel_spend" in sources:
        _reconcile(run, sources["stg_funnel_spend"])
    signups = _stage(run, sources["stg_signups"], signups_per_customer, SIGNUPS)
    known = signups.select("user_id", "signup_timestamp", "is_signed_up")
    threshold = run.settings.high_jackpot_threshold_minor

    def deposits(rows: DataFrame) -> DataFrame:
        return deposits_per_customer(rows, known)

    def purchases(rows: DataFrame) -> DataFrame:
        return purchases_per_customer(rows, known, games, threshold)

    staged_deposits = _stage(run, sources["stg_deposits"], deposits, DEPOSITS)
    staged_purchases = _stage(run, sources["stg_ticket_purchases"], purchases, PURCHASES)

    def web_events(rows: DataFrame) -> DataFrame:
        return web_events_per_customer(rows, known, staged_purchases)

    staged_web_events = _stage(run, sources["stg_web_events"], web_events, WEB_EVENTS)
    return StagedCustomers(signups, staged_deposits, staged_purchases, staged_web_events)


def early_rows(run: Run, source: SourceTable, *further: Column) -> DataFrame:
    """One row per delivered row, typed, with its early disposition.

    further: columns of the row as delivered that come along.
    """
    return source.typed(*further).transform(
        with_early_disposition, source.contract, run.as_of, run.settings.rule_values
    )


def _stage(
    run: Run, source: SourceTable, per_customer: PerCustomer, measure: Measure
) -> DataFrame:
    """The source's per-customer frame, written once; its balance goes to the run's record."""
    table = source.contract
    unique = run.settings.sources.source(table.name).unique
    with run.progress.stage(table.name) as stage:
        early, duplicates, customers = (Observation() for _ in range(3))
        read = early_rows(run, source).observe(early, *early_metrics(table))
        marked = with_duplicates(_by_user(read, table.name), table, unique=unique)
        if not unique:
            marked = marked.observe(duplicates, *duplicate_metrics(table))
        used = marked.where(F.col(DISPOSITION).isin(USED, NOT_YET))
        metrics = [*customer_metrics(measure.rows, measure.amount), *_warnings(measure)]
        aggregated = per_customer(used).observe(customers, *metrics)
        staged = run.staging.stage(table.name, aggregated)
        late = observed(customers)
        run.record.warnings.update({name: late.pop(name, 0) or 0 for name in measure.warnings})
        late_passes = [late] if unique else [observed(duplicates), late]
        balance = _balance(run, source, observed(early), late_passes)
        stage.rows = balance.read
    return staged


def _by_user(rows: DataFrame, table: str) -> DataFrame:
    """Rows that may be used, by user: the one exchange of a source."""
    if table == "stg_signups":
        # A signup still to come makes its user's facts 'not yet' rather than orphans.
        kept = rows.where(F.col(DISPOSITION).isin(USED, NOT_YET)).repartition("user_id")
        return with_user_hash(kept)
    used = rows.where(F.col(DISPOSITION) == USED).drop(DISPOSITION).repartition("user_id")
    return with_user_hash(used).withColumn(DISPOSITION, F.lit(USED))


def _warnings(measure: Measure) -> list[Column]:
    """Doubts about facts that are used, summed over the customers who signed up."""
    is_signed_up = F.col("is_signed_up")
    return [F.sum(F.when(is_signed_up, F.col(name))).alias(name) for name in measure.warnings]


def observed(observation: Observation) -> dict[str, Any]:
    """What was observed; nothing when the engine found no rows and dropped the node."""
    return dict(observation.get)


def _balance(
    run: Run, source: SourceTable, early: dict[str, Any], late: list[dict[str, Any]]
) -> Balance:
    """The source's balance, counting again what an executor's loss may have counted twice.

    Metrics observed before the exchange are at-least-once: a map stage that Spark runs again
    counts again. Those after it are exact.
    """
    name = source.contract.name
    balance = balance_of(name, early, *late)
    if not early or not balance.is_balanced:
        recounted = recount(early_rows(run, source), source.contract)
        balance = balance_of(name, recounted, *late)
    run.record.balances.append(balance)
    return balance


def _games(run: Run, source: SourceTable) -> DataFrame:
    """One row per usable game; reconciled."""
    _reconcile(run, source)
    return early_rows(run, source).where(F.col(DISPOSITION) == USED).drop(DISPOSITION)


def _reconcile(run: Run, source: SourceTable) -> None:
    """Balances a small source that has no user, by passes of its own."""
    table = source.contract
    unique = run.settings.sources.source(table.name).unique or table.is_unique
    with run.progress.stage(table.name) as stage:
        rows = early_rows(run, source)
        used = rows.where(F.col(DISPOSITION) == USED)
        marked = with_duplicates(used, table, unique=unique)
        counted = marked.agg(*used_metrics(table), *duplicate_metrics(table)).first()
        late = counted.asDict() if counted else {}
        stage.rows = _balance(run, source, recount(rows, table), [late]).read
