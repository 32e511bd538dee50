"""Staging the sources: one pass and one exchange a fact, and one more of what has duplicates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from pyspark.errors import ArithmeticException
from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F

from customer_mart.dim_customer.deposits import deposits_per_customer
from customer_mart.dim_customer.purchases import purchases_per_customer
from customer_mart.dim_customer.signups import signups_per_customer
from customer_mart.dim_customer.web_events import web_events_per_customer
from customer_mart.progress import GaveWayError, Stage
from customer_mart.publish.run_record import KEYS_OF_OTHER_USERS
from customer_mart.run import Run
from customer_mart.sources import SourceTable
from customer_mart.staging.balance import (
    Balance,
    balance_of,
    customer_metrics,
    duplicate_metrics,
    observed_early,
    recount,
    used_metrics,
)
from customer_mart.staging.dispositions import (
    DISPOSITION,
    NOT_YET,
    USED,
    with_duplicates,
)
from customer_mart.staging.user_key import (
    HAS_DUPLICATES,
    IS_MIXED,
    KEY_HASHES,
    QUICK,
    SURE,
    USER_HASH,
    Method,
    exchanged,
)
from customer_mart.steps.compare_duplicates import compared_again, marked, with_shared_keys
from customer_mart.steps.early_rows import early_rows, observed


class PerCustomer(Protocol):
    """One row per key of the method, from a source's rows partitioned by user."""

    def __call__(self, rows: DataFrame, /, *, method: Method) -> DataFrame: ...


@dataclass(frozen=True)
class Staged:
    """What a source says of its customers: at most one row per key of the method.

    That of a fact has rows of orphans too. suspected: the same before duplicates were compared,
    with every user whose rows had to be, also one who has none left.
    """

    rows: DataFrame
    suspected: DataFrame


@dataclass(frozen=True)
class StagedCustomers:
    """What each source that has users says of its customers."""

    method: Method
    by_source: Mapping[str, Staged]

    @property
    def signups(self) -> DataFrame:
        return self.by_source["stg_signups"].rows

    @property
    def deposits(self) -> DataFrame:
        return self.by_source["stg_deposits"].rows

    @property
    def purchases(self) -> DataFrame:
        return self.by_source["stg_ticket_purchases"].rows

    @property
    def web_events(self) -> DataFrame:
        return self.by_source["stg_web_events"].rows


@dataclass(frozen=True)
class Measure:
    """The columns of a per-customer frame that hold its rows, its amount and its doubts.

    hundredths: whether the amount is in cents where the source has dollars.
    """

    rows: str
    amount: str | None = None
    hundredths: bool = False
    warnings: Sequence[str] = ()


DEPOSITS = Measure(
    "total_deposits", "total_deposit_amount_minor", warnings=["deposits_before_signup"]
)
PURCHASES = Measure(
    "total_purchases",
    "total_purchase_cents",
    hundredths=True,
    warnings=["purchases_before_signup", "purchases_of_unknown_games"],
)
WEB_EVENTS = Measure("total_web_events")
SIGNUPS = Measure("used_signups")


def stage_customers(run: Run, sources: Mapping[str, SourceTable]) -> StagedCustomers:
    """Every source staged per customer and balanced, by the quick method if it does."""
    games = _games(run, sources["stg_games"])
    if "stg_funnel_spend" in sources:
        _reconcile(run, sources["stg_funnel_spend"])
    balanced = len(run.record.balances)
    try:
        return _staged_by(QUICK, run, sources, games)
    except GaveWayError as reason:
        run.progress.note(f"{reason}: staged again by ids and in decimals")
        del run.record.balances[balanced:]
        return _staged_by(SURE, run, sources, games)


def _staged_by(
    method: Method, run: Run, sources: Mapping[str, SourceTable], games: DataFrame
) -> StagedCustomers:
    """Web events come last: which touch was the last before a purchase needs the purchases."""
    threshold = run.settings.high_jackpot_threshold_minor
    by_source: dict[str, Staged] = {}
    run.record.warnings[KEYS_OF_OTHER_USERS] = 0

    def staged(name: str, measure: Measure, per_customer: PerCustomer) -> DataFrame:
        by_source[name] = _stage(run, sources[name], per_customer, measure, method)
        return by_source[name].rows

    signups = staged("stg_signups", SIGNUPS, signups_per_customer)
    known = signups.select(USER_HASH, "user_id", "signup_timestamp", "is_signed_up")
    staged("stg_deposits", DEPOSITS, partial(deposits_per_customer, signups=known))
    of_games = partial(
        purchases_per_customer, signups=known, games=games, high_jackpot_threshold_minor=threshold
    )
    purchases = staged("stg_ticket_purchases", PURCHASES, of_games)
    touches = partial(web_events_per_customer, signups=known, purchases=purchases)
    staged("stg_web_events", WEB_EVENTS, touches)
    return StagedCustomers(method, by_source)


def _stage(
    run: Run, source: SourceTable, per_customer: PerCustomer, measure: Measure, method: Method
) -> Staged:
    """The source's per-customer frame, written once; its balance goes to the run's record.

    Raises:
        GaveWayError: if the quick method does not do.
    """
    name, aggregate = source.contract.name, partial(per_customer, method=method)
    with run.progress.stage(name) as stage:
        try:
            return _staged(run, source, aggregate, measure, method, stage)
        except ArithmeticException as error:
            if method is SURE:
                raise
            raise GaveWayError(f"a sum of {name} exceeds BIGINT") from error


def _staged(
    run: Run,
    source: SourceTable,
    per_customer: Callable[[DataFrame], DataFrame],
    measure: Measure,
    method: Method,
    stage: Stage,
) -> Staged:
    table = source.contract
    early, customers = Observation(), Observation()
    read = early_rows(run, source).transform(observed_early, table, early)
    rows, duplicates = marked(run, _by_user(read, table.name, method), table)
    metrics = [*_late_metrics(measure), F.count_if(HAS_DUPLICATES).alias(HAS_DUPLICATES)]
    used = rows.where(F.col(DISPOSITION).isin(USED, NOT_YET))
    staged = run.staging.stage(table.name, per_customer(used).observe(customers, *metrics))
    late = observed(customers)
    suspects = late.pop(HAS_DUPLICATES, 0)
    suspected = staged
    if KEY_HASHES in staged.columns:
        suspected, suspects = with_shared_keys(run, table.name, staged, suspects, method)
        staged = suspected.drop(KEY_HASHES)
    if suspects and duplicates is None:
        stage.notes.append(f"{suspects} users compared for duplicates")
        staged, duplicates = compared_again(run, source, suspected, suspects, per_customer, method)
        late = staged.agg(*_late_metrics(measure)).collect()[0].asDict()
    if late.pop(IS_MIXED, 0):
        raise GaveWayError(f"users of {table.name} share a hash")
    run.record.warnings.update({name: late.pop(name, 0) or 0 for name in measure.warnings})
    passes = [_of_duplicates(run, observed(duplicates)), late] if duplicates else [late]
    stage.rows = _balance(run, source, observed(early), passes).read
    return Staged(staged, suspected)


def _of_duplicates(run: Run, found: dict[str, Any]) -> dict[str, Any]:
    """What duplicates set aside; how many of them have another user's key is a warning."""
    run.record.warnings[KEYS_OF_OTHER_USERS] += found.pop(KEYS_OF_OTHER_USERS, 0)
    return found


def _late_metrics(measure: Measure) -> list[Column]:
    """What users' signups make of their facts, the doubts about them, and users mixed up."""
    return [
        *customer_metrics(measure.rows, measure.amount, hundredths=measure.hundredths),
        *_warnings(measure),
        F.count_if(IS_MIXED).alias(IS_MIXED),
    ]


def _by_user(read: DataFrame, table: str, method: Method) -> DataFrame:
    """Rows that may be used, by user: the one exchange of a source."""
    if table == "stg_signups":
        # A signup still to come makes its user's facts 'not yet' rather than orphans.
        kept = read.where(F.col(DISPOSITION).isin(USED, NOT_YET))
        return exchanged(kept, method)
    used = read.where(F.col(DISPOSITION) == USED).drop(DISPOSITION)
    return exchanged(used, method).withColumn(DISPOSITION, F.lit(USED))


def _warnings(measure: Measure) -> list[Column]:
    """Doubts about facts that are used, summed over the customers who signed up."""
    is_signed_up = F.col("is_signed_up")
    return [F.sum(F.when(is_signed_up, F.col(name))).alias(name) for name in measure.warnings]


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
