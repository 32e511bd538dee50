"""Touches: identified web events that a campaign brought.

A touch is a struct of time, event_id and campaign. Structs compare field by field, so the
smallest is the earliest with ties by the smallest event_id, and the largest is the latest with
ties by the largest event_id.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F


def is_touch() -> Column:
    """Whether a campaign brought the event."""
    return F.col("utm_campaign").isNotNull()


def touch() -> Column:
    """The event as a touch; NULL when no campaign brought it."""
    fields = F.struct("event_timestamp", "event_id", "utm_campaign")
    return F.when(is_touch(), fields)


def touch_before_purchase() -> Column:
    """The event as a touch when it came at or before the customer's first purchase, else NULL."""
    is_before = F.col("event_timestamp") <= F.col("first_purchase_timestamp")
    return F.when(is_before, touch())
