"""What a session takes, found out without leaving a trace."""

from pyspark.sql import SparkSession

from customer_mart.publish.commit import USER_METADATA
from customer_mart.session_setting import is_settable


def test_a_setting_that_the_session_takes_is_left_unset(spark: SparkSession) -> None:
    assert is_settable(spark, USER_METADATA)
    assert spark.conf.get(USER_METADATA, None) is None


def test_a_static_setting_is_not_settable(spark: SparkSession) -> None:
    before = spark.conf.get("spark.sql.warehouse.dir")
    assert not is_settable(spark, "spark.sql.warehouse.dir")
    assert spark.conf.get("spark.sql.warehouse.dir") == before
