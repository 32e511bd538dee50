"""What goes wrong on the way: a few rows arrive broken, twice or changed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from scripts.generating.chance import numbers, pick
from scripts.generating.seasons import HOUR, millis

# The shares of a source's rows that arrive broken, twice or changed.
DEFECTS = {
    "null key": 3e-4, "blank key": 3e-4, "null time": 3e-4, "ancient time": 3e-4,
    "redelivered": 1e-3, "restamped": 3e-4, "padded": 1e-3,
}  # fmt: skip
FACT_DEFECTS = {**DEFECTS, "orphan": 4e-4, "at as_of": 2e-4}
PAYMENT_DEFECTS = {
    **FACT_DEFECTS, "null owner": 3e-4, "blank owner": 3e-4, "null amount": 3e-4,
    "negative amount": 3e-4, "repriced": 3e-4, "before signup": 3e-4,
}  # fmt: skip
PURCHASE_DEFECTS = {**PAYMENT_DEFECTS, "unknown game": 5e-4}
SENT_AGAIN = ("redelivered", "restamped", "repriced")
# A customer whose only signup is unusable would make orphans of all their facts; here the
# operator notices and sends the good signup as well.
SIGNUP_SENT_AGAIN = tuple(DEFECTS.keys() - {"padded"})
# What a defect makes of a column, in SQL.
SPOILT = {
    "key": {"null key": "NULL", "blank key": "'  '", "padded": "concat(' ', key, ' ')"},
    "user_id": {
        "null owner": "NULL",
        "blank owner": "' '",
        "orphan": "concat('closed-', user_id)",
        "padded": "concat(user_id, ' ')",
    },
    "time": {
        "null time": "NULL",
        "ancient time": "0",
        "restamped": f"time + {HOUR}",
        "before signup": f"signup - (1 + pmod(hash(key), 72)) * {HOUR}",
        "at as_of": "as_of",
    },
    "amount": {"null amount": "NULL", "negative amount": "-amount", "repriced": "amount + 1"},
    "game_id": {"unknown game": "'g999'"},
}


def delivered(
    rows: DataFrame,
    roll: Column,
    as_of: datetime,
    defects: Mapping[str, float],
    sent_again: Sequence[str] = SENT_AGAIN,
) -> DataFrame:
    """The rows as they arrive: a few spoilt; of those sent again, the second one is spoilt."""
    is_sent_again = F.col("defect").isin(*sent_again)
    deliveries = F.when(is_sent_again, 2).otherwise(1)
    is_intact = is_sent_again & (F.col("delivery") == 1)
    arrived = (
        rows.withColumns({"defect": pick(roll, defects), "as_of": F.lit(millis(as_of))})
        .withColumn("delivery", numbers(deliveries))
        .withColumn("defect", F.when(~is_intact, F.col("defect")))
    )
    spoilt = {name: spoilt_column(name, defects) for name in SPOILT if name in rows.columns}
    return arrived.withColumns(spoilt)


def spoilt_column(column: str, defects: Collection[str]) -> Column:
    """The column, except in rows with one of the defects."""
    value = F.col(column)
    for defect in filter(defects.__contains__, SPOILT[column]):
        value = F.when(F.col("defect") == defect, F.expr(SPOILT[column][defect])).otherwise(value)
    return value
