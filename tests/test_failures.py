import pytest
from pyspark.errors import AnalysisException
from pyspark.errors.exceptions.connect import SparkException

from customer_mart.failures import explained, is_of_what_was_read
from customer_mart.settings import load_settings

PLACES = {"sources": "s3a://raw/in", "mart": "/data/the mart"}


def _unreadable(file: str) -> Exception:
    return RuntimeError(
        f"[FAILED_READ_FILE.NO_HINT] Encountered error while reading file {file}.  SQLSTATE: KD001"
    )


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (
            "s3a://raw/in/stg_games/a.parquet",
            "Source stg_games: its file s3a://raw/in/stg_games/a",
        ),
        ("s3a://raw/in/stg_games.csv", "Source stg_games: its file s3a://raw/in/stg_games.csv"),
        ("file:///data/the%20mart/quarantine/a", "The table quarantine: its file /data/the mart/"),
        (
            "hdfs://n/warehouse/dim_customer/a",
            "publish: the file hdfs://n/warehouse/dim_customer/",
        ),
    ],
)
def test_a_file_is_named_with_whose_it_is(file: str, told: str) -> None:
    error = explained(_unreadable(file), load_settings(None, [], PLACES), "publish")
    assert str(error).startswith(told)


@pytest.mark.parametrize(
    ("file", "remedy"),
    [
        ("dim_customer/a", "rebuild it with --mode full"),
        (
            "dim_customer/_delta_log/1.json",
            "restore the file, or move /data/the mart/dim_customer",
        ),
        (
            "customer_tier_changes/a",
            "restore the file, or move /data/the mart/customer_tier_changes away",
        ),
        ("erased_customers/a", "restore it from a backup, for without it erased customers"),
        ("erased_customers/_delta_log/1.checkpoint.parquet", "restore it from a backup, for"),
    ],
)
def test_the_remedy_is_right_for_the_table(file: str, remedy: str) -> None:
    settings = load_settings(None, [], PLACES)
    error = explained(_unreadable(f"file:///data/the%20mart/{file}"), settings)
    assert str(error).split("damaged or gone; ")[1].startswith(remedy)


def test_a_file_with_another_type_of_a_column_is_not_called_damaged() -> None:
    engine = RuntimeError(
        "[FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH] Encountered error while reading "
        "file file:///data/in/stg_deposits/b%20c.parquet. Data type mismatches when reading "
        "Parquet column [deposit_amount_minor]. Expected Spark type bigint, actual Parquet type "
        "DOUBLE. SQLSTATE: KD001"
    )
    assert str(explained(engine, load_settings(None, [], PLACES), "stg_deposits")) == (
        "stg_deposits: the file /data/in/stg_deposits/b c.parquet has column deposit_amount_minor "
        "of type DOUBLE, where bigint is read from the other files; deliver all files with one "
        "type"
    )


def test_a_full_disk_is_found_below_the_engines_first_line() -> None:
    engine = "Task failed while writing rows.\nCaused by: IOException: No space left on device"
    error = explained(RuntimeError(engine), load_settings(None, [], PLACES))
    assert str(error).startswith(
        "a disk is full: that of the mart, of its staging folder, or of spark"
    )


def test_what_is_not_known_stays_as_it_is() -> None:
    unknown = RuntimeError("something else")
    assert explained(unknown, load_settings(None, [], PLACES)) is unknown


def test_over_spark_connect_the_cause_is_found_in_the_servers_stack() -> None:
    cause = "Caused by: java.io.IOException: No space left on device"
    engine = SparkException(message="Task failed while writing rows.", server_stacktrace=cause)
    error = explained(engine, load_settings(None, [], PLACES))
    assert "(Task failed while writing rows.); make room and run again" in str(error)


@pytest.mark.parametrize(
    ("error", "is_of_it"),
    [
        (_unreadable("s3a://raw/in/stg_games/a.parquet"), True),
        (RuntimeError("[DELTA_CHANGE_DATA_FILE_NOT_FOUND] File a referenced in the log"), True),
        (RuntimeError("FileNotFoundException: File s3a://raw/deletion_vector_1.bin does"), True),
        (AnalysisException("[UNRESOLVED_COLUMN] A column cannot be resolved"), True),
        (RuntimeError("Job aborted due to stage failure: ExecutorLostFailure"), False),
        (
            RuntimeError("FileNotFoundException: /tmp/blockmgr-1 (No such file or directory)"),
            False,
        ),
        (RuntimeError("[TASK_WRITE_FAILED] rows.\nCaused by: No space left on device"), False),
        (
            SparkException(
                message="[DELTA_FILE_NOT_FOUND] a",
                server_stacktrace="Caused by: IOException: No space left on device",
            ),
            False,
        ),
    ],
)
def test_what_was_read_is_told_from_what_another_try_may_not_meet(
    error: Exception, is_of_it: bool
) -> None:
    assert is_of_what_was_read(error) is is_of_it
