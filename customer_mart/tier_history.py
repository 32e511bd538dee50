"""A customer's way through the VIP tiers, on a terminal."""

from datetime import datetime

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from customer_mart.errors import DataError
from customer_mart.publish.history import history, metadata_of_rows
from customer_mart.publish.target import published
from customer_mart.settings import Settings
from customer_mart.terminal import print_line, print_rows, shown

COLUMNS = (
    "as_of",
    "old_vip_tier",
    "new_vip_tier",
    "old_ltv_score",
    "new_ltv_score",
    "previous_as_of",
    "run_id",
)


def print_history(spark: SparkSession, settings: Settings, user_id: str) -> None:
    """The customer's tier moves in the order of their publication, and the tier now.

    Raises:
        DataError: if the mart has and had no such customer.
    """
    scores = published(spark, settings.mart, "customer_ltv_scoring")
    changes = published(spark, settings.mart, "customer_tier_changes")
    is_customer = F.col("user_id") == user_id
    now = scores.read(spark).where(is_customer).first()
    moves = changes.read(spark).where(is_customer).orderBy("run_id").select(*COLUMNS)
    if not moves.isEmpty():
        print_rows(moves, f"Tier moves of {user_id}")
    elif now is None:
        raise DataError(f"No customer {user_id} is or was in {scores.place}")
    else:
        print_line(f"{user_id} has not moved since the tier moves are on record.")
    said = metadata_of_rows(history(spark, scores)) or {}
    as_of = shown(datetime.fromisoformat(said["as_of"])) if said else "an unknown instant"
    if now is None:
        print_line(f"As of {as_of}, {user_id} is no customer any more.")
    else:
        print_line(
            f"As of {as_of}, {user_id} is in {now['vip_tier']} with a score of {now['ltv_score']}."
        )
