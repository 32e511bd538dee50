"""Identified web events and campaign touches per customer."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.dim_customer.touches import is_touch, touch, touch_before_purchase
from customer_mart.staging.user_key import Method, of_keys, of_user, per_user, with_signup


def web_events_per_customer(
    web_events: DataFrame, signups: DataFrame, purchases: DataFrame, method: Method
) -> DataFrame:
    """One row per user with an identified event, orphans included, by the method's key.

    web_events: the used rows of stg_web_events, partitioned by user.
    signups: one row per user; purchases: one row per user with a purchase.
    """
    of_customers = purchases.where(F.col("is_signed_up").isNotNull())
    first_purchases = of_customers.select(*method.key, "first_purchase_timestamp")
    customers = signups.join(first_purchases, list(method.key), "left")
    names = ("event_timestamp", "utm_campaign", "first_purchase_timestamp")
    # Only touches need their id; without it the other rows are narrower to sort.
    id_of_touch = F.when(is_touch(), F.col("event_id"))
    columns = {**{name: F.col(name) for name in names}, "event_id": id_of_touch}
    measures = [
        F.count(F.lit(1)).alias("total_web_events"),
        F.min("event_timestamp").alias("first_web_event_timestamp"),
        F.max("event_timestamp").alias("last_web_event_timestamp"),
        F.size(F.collect_set("utm_campaign")).cast("bigint").alias("unique_campaigns_engaged"),
        F.min(touch()).alias("first_touch"),
        F.max(touch_before_purchase()).alias("last_touch"),
    ]
    known = with_signup(web_events, customers, method)
    per_customer = known.transform(per_user, columns, measures, method)
    return per_customer.select(
        *of_user(method),
        "total_web_events",
        "first_web_event_timestamp",
        "last_web_event_timestamp",
        "unique_campaigns_engaged",
        F.col("first_touch.utm_campaign").alias("first_touch_campaign"),
        F.col("first_touch.event_timestamp").alias("first_touch_timestamp"),
        F.col("last_touch.utm_campaign").alias("last_touch_campaign_before_purchase"),
        *of_keys(per_customer),
    )
