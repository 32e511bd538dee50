"""Identified web events and campaign touches per customer."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.dim_customer.distinct import distinct
from customer_mart.dim_customer.touches import touch, touch_before_purchase
from customer_mart.staging.dispositions import HAS_DUPLICATES
from customer_mart.staging.user_order import BY_USER, in_user_order


def web_events_per_customer(
    web_events: DataFrame, signups: DataFrame, purchases: DataFrame
) -> DataFrame:
    """One row per user with an identified event, orphans included.

    web_events: the used rows of stg_web_events, partitioned by user_id.
    signups: one row per user; purchases: one row per user with a purchase.
    """
    first_purchases = purchases.select("user_id", "first_purchase_timestamp")
    customers = signups.join(first_purchases, on="user_id", how="left")
    # Customers are the small side of every partition: hashing them spares a sort of the facts.
    known = in_user_order(web_events).join(customers.hint("shuffle_hash"), "user_id", "left")
    per_customer = known.groupBy(*BY_USER).agg(
        F.bool_or("is_signed_up").alias("is_signed_up"),
        F.count(F.lit(1)).alias("total_web_events"),
        F.min("event_timestamp").alias("first_web_event_timestamp"),
        F.max("event_timestamp").alias("last_web_event_timestamp"),
        distinct("utm_campaign").alias("unique_campaigns_engaged"),
        F.min(touch()).alias("first_touch"),
        F.max(touch_before_purchase()).alias("last_touch"),
        F.bool_or(HAS_DUPLICATES).alias(HAS_DUPLICATES),
    )
    return per_customer.select(
        "user_id",
        "is_signed_up",
        "total_web_events",
        "first_web_event_timestamp",
        "last_web_event_timestamp",
        "unique_campaigns_engaged",
        F.col("first_touch.utm_campaign").alias("first_touch_campaign"),
        F.col("first_touch.event_timestamp").alias("first_touch_timestamp"),
        F.col("last_touch.utm_campaign").alias("last_touch_campaign_before_purchase"),
        HAS_DUPLICATES,
    )
