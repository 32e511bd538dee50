"""Staging the sources per customer: in which order, by which method, and what is asked of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.dim_customer.deposits import deposits_per_customer
from customer_mart.dim_customer.purchases import purchases_per_customer
from customer_mart.dim_customer.signups import signups_per_customer
from customer_mart.dim_customer.web_events import web_events_per_customer
from customer_mart.errors import GaveWayError
from customer_mart.passes import early_rows
from customer_mart.publish.run_record import KEYS_OF_OTHER_USERS
from customer_mart.run import Run
from customer_mart.sources import SourceTable
from customer_mart.staging.dispositions import DISPOSITION, USED
from customer_mart.staging.user_key import QUICK, SURE, USER_HASH, Method
from customer_mart.steps.reconcile import reconcile
from customer_mart.steps.stage_source import Staged, stage_source
from customer_mart.steps.user_source import Measure, PerCustomer, UserSource

SIGNUPS = Measure("stg_signups", "used_signups")
DEPOSITS = Measure(
    "stg_deposits",
    "total_deposits",
    "total_deposit_amount_minor",
    warnings=["deposits_before_signup"],
)
PURCHASES = Measure(
    "stg_ticket_purchases",
    "total_purchases",
    "total_purchase_cents",
    hundredths=True,
    warnings=["purchases_before_signup", "purchases_of_unknown_games"],
)
WEB_EVENTS = Measure("stg_web_events", "total_web_events")


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


def stage_customers(run: Run, sources: Mapping[str, SourceTable]) -> StagedCustomers:
    """Every source staged per customer and balanced, by the quick method if it does."""
    games = _games(run, sources["stg_games"])
    if "stg_funnel_spend" in sources:
        reconcile(run, sources["stg_funnel_spend"])
    run.record.warnings[KEYS_OF_OTHER_USERS] = 0
    try:
        with run.record.undone_if_it_gives_way():
            return _staged_by(QUICK, run, sources, games)
    except GaveWayError as reason:
        run.progress.note(f"{reason}: staged again by ids and in decimals")
        return _staged_by(SURE, run, sources, games)


def _staged_by(
    method: Method, run: Run, sources: Mapping[str, SourceTable], games: DataFrame
) -> StagedCustomers:
    """Web events come last: which touch was the last before a purchase needs the purchases."""
    by_source: dict[str, Staged] = {}

    def staged(measure: Measure, per_customer: PerCustomer) -> DataFrame:
        source = UserSource(
            sources[measure.source], method, measure, partial(per_customer, method=method)
        )
        by_source[source.name] = stage_source(run, source)
        return by_source[source.name].rows

    signups = staged(SIGNUPS, signups_per_customer)
    known = signups.select(USER_HASH, "user_id", "signup_timestamp", "is_signed_up")
    staged(DEPOSITS, partial(deposits_per_customer, signups=known))
    threshold = run.settings.high_jackpot_threshold_minor
    of_games = partial(
        purchases_per_customer, signups=known, games=games, high_jackpot_threshold_minor=threshold
    )
    purchases = staged(PURCHASES, of_games)
    staged(WEB_EVENTS, partial(web_events_per_customer, signups=known, purchases=purchases))
    return StagedCustomers(method, by_source)


def _games(run: Run, source: SourceTable) -> DataFrame:
    """One row per usable game; reconciled."""
    # Taken for none, an estimate that cannot be read makes no game high-jackpot.
    unreadable = source.is_unreadable("jackpot_estimate_minor")
    reconcile(run, source, games_with_unreadable_jackpot=unreadable)
    return early_rows(run, source).where(F.col(DISPOSITION) == USED).drop(DISPOSITION)
