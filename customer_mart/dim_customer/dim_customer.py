"""dim_customer: everything a player did, joined onto the signup."""

from collections.abc import Sequence
from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from customer_mart.banding import label
from customer_mart.contracts import contract
from customer_mart.dim_customer.purchases import SPEND_DAYS
from customer_mart.durations import days_between, in_days
from customer_mart.exact import average, dollars
from customer_mart.settings import LabelScale
from customer_mart.staging.user_key import HAS_DUPLICATES, IS_MIXED, ORPHAN_IDS

NOT_OF_A_CUSTOMER = ("is_signed_up", HAS_DUPLICATES, IS_MIXED, ORPHAN_IDS)
COUNTS = (
    "total_deposits",
    "total_deposit_amount_minor",
    "total_purchases",
    "unique_games_played",
    "high_jackpot_games_played",
    "purchase_days",
    "total_web_events",
    "unique_campaigns_engaged",
)
# Columns in dollars, and those in cents that they are made of.
DOLLARS = {
    "total_purchase_amount_usd": "total_purchase_cents",
    "high_jackpot_spend_usd": "high_jackpot_cents",
    **{f"spend_first_{days}_days_usd": f"spend_first_{days}_days_cents" for days in SPEND_DAYS},
}


def joined_customers(
    signups: DataFrame,
    deposits: DataFrame,
    purchases: DataFrame,
    web_events: DataFrame,
    key: Sequence[str],
) -> DataFrame:
    """One row per customer who signed up before the as-of instant: all that was said of them.

    signups, deposits, purchases, web_events: at most one row per user each, by the key.
    """
    signed_up = signups.where("is_signed_up")
    customers = signed_up.select(*dict.fromkeys((*key, "user_id")), "signup_timestamp", "country")
    for fact in (deposits, purchases, web_events):
        of_customers = fact.where("is_signed_up").drop(*NOT_OF_A_CUSTOMER)
        customers = customers.join(of_customers, list(key), "left")
    return customers


def dim_customer(
    customers: DataFrame,
    *,
    business_time_zone: str,
    customer_segments: LabelScale,
    high_jackpot_label: str,
    regular_label: str,
    updated_at: datetime,
    also: Sequence[str] = (),
) -> DataFrame:
    """One row per given customer, as joined_customers makes them.

    also: columns of the customers that come along behind.
    """
    filled = customers.transform(_without_missing_counts)
    timed = filled.withColumns(_timings(business_time_zone))
    labelled = timed.withColumns(
        {
            "country": _country(),
            **{name: dollars(F.col(cents)) for name, cents in DOLLARS.items()},
            # Of a customer it has to fit into its column; of an orphan it need not.
            "total_deposit_amount_minor": F.col("total_deposit_amount_minor").cast("bigint"),
            "avg_deposit_amount_minor": average(
                F.col("total_deposit_amount_minor"), F.col("total_deposits")
            ),
            "avg_purchase_amount_usd": average(
                F.col("total_purchase_cents"), F.col("total_purchases"), units=100
            ),
            "customer_segment": label(F.col("total_purchases"), customer_segments),
            "player_type": _player_type(high_jackpot_label, regular_label),
            "dbt_updated_at": F.lit(updated_at),
        }
    )
    return labelled.select(*contract("dim_customer").column_names, *also)


def _without_missing_counts(customers: DataFrame) -> DataFrame:
    """Customers with 0 where they did nothing."""
    nothing = F.lit(0).cast("bigint")
    counts = (*COUNTS, *DOLLARS.values())
    return customers.withColumns({name: F.coalesce(F.col(name), nothing) for name in counts})


def _timings(business_time_zone: str) -> dict[str, Column]:
    """The dates and day counts of a customer's life."""
    signup, touch = "signup_timestamp", "first_touch_timestamp"
    purchase, deposit = "first_purchase_timestamp", "first_deposit_timestamp"
    return {
        "signup_date": F.to_date(F.from_utc_timestamp(F.col(signup), business_time_zone)),
        "days_to_first_purchase": days_between(signup, purchase),
        "days_to_first_deposit": days_between(signup, deposit),
        "days_to_first_web_event": days_between(signup, "first_web_event_timestamp"),
        "longest_purchase_gap_days": in_days(F.col("longest_purchase_gap")),
        "days_from_first_touch_to_first_purchase": _days_when_after(touch, purchase),
        "days_from_first_touch_to_first_deposit": days_between(touch, deposit),
    }


def _days_when_after(start: str, end: str) -> Column:
    """Days from start to end; NULL when the end came first: it cannot be credited to the start."""
    return F.when(F.col(end) >= F.col(start), days_between(start, end))


def _country() -> Column:
    """The country given, or Unknown when it is NULL or blank."""
    is_given = F.trim("country") != ""
    return F.when(is_given, F.col("country")).otherwise(F.lit("Unknown"))


def _player_type(high_jackpot_label: str, regular_label: str) -> Column:
    is_high = F.col("high_jackpot_games_played") > 0
    return F.when(is_high, F.lit(high_jackpot_label)).otherwise(F.lit(regular_label))
