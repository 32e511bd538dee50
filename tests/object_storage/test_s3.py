"""Sources and mart on an S3 server: two drivers, incremental runs, maintenance, and no secret."""

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

import pyspark
import pytest
from pyspark.sql import SparkSession

from tests.erasure.files import holds
from tests.incremental.warehouse import (
    ALL_DIRT,
    ANY_SHARE,
    JANUARY,
    WHEN,
    Warehouse,
)
from tests.object_storage.processes import (
    REFUSED,
    SECRET_PROPERTIES,
    SECRET_VALUES,
    Driver,
    Store,
)

CONF = Path(__file__).parents[2] / "conf"
SOURCES, MART = "s3a://lake/sources", "s3a://lake/mart"
BUILD = (
    *("build", "--sources", SOURCES, "--as-of", JANUARY.isoformat()),
    *("--set", ALL_DIRT, "--set", ANY_SHARE),
)
LEASE_SECONDS = 8


def _settings(name: str) -> dict[str, str]:
    """The properties of a file under conf/."""
    text = re.sub(r"\\\n\s*", "", (CONF / name).read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[1] for line in lines}


def _hadoop() -> str:
    """The version of the Hadoop that this Spark ships."""
    [jar] = (Path(pyspark.__file__).parent / "jars").glob("hadoop-client-api-*.jar")
    return jar.stem.removeprefix("hadoop-client-api-")


def test_the_settings_for_s3_are_those_of_one_machine_and_s3a_s_jars() -> None:
    local, s3 = _settings("spark-local.conf"), _settings("spark-s3.conf")
    assert s3.keys() == local.keys()
    differ = {name for name in local if local[name] != s3[name]}
    assert differ == {"spark.jars.packages", "spark.jars.excludes"}
    assert all(s3[name].startswith(local[name]) for name in differ)


@pytest.mark.skipif(pyspark.__version__ != "4.2.0", reason="the file is of the pinned Spark")
def test_s3a_is_of_the_hadoop_that_spark_ships() -> None:
    packages = _settings("spark-s3.conf")["spark.jars.packages"].split(",")
    assert f"org.apache.hadoop:hadoop-aws:{_hadoop()}" in packages


@dataclass(frozen=True)
class Lake:
    """Sources on this machine and on S3, and a mart built from each."""

    store: Store
    local: Warehouse
    driver: Driver
    other: Driver
    folder: Path

    def on_s3(self) -> Warehouse:
        """The mart that is on S3 now, brought here."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        return Warehouse(self.local.spark, self.store.download("mart/", copy))

    def deliver(self) -> None:
        self.store.upload(self.local.sources, "sources")


@pytest.fixture(scope="module")
def lake(
    spark: SparkSession,
    store: Store,
    start_driver: Callable[[str], Driver],
    folder: Path,
    first_run: Path,
) -> Lake:
    """The sources of a mart that was built here, on S3 as well, and two drivers that are up."""
    if f":hadoop-aws:{_hadoop()}" not in _settings("spark-s3.conf")["spark.jars.packages"]:
        pytest.skip("conf/spark-s3.conf is for the Hadoop of another Spark")
    driver = start_driver("one")
    shutil.copytree(first_run, folder / "local")
    local = Warehouse(spark, folder / "local")
    # On a new machine the first fetches jars: two at once would spoil each other's.
    driver.wait_until_ready()
    made = Lake(store, local, driver, start_driver("two"), folder)
    made.deliver()
    made.other.wait_until_ready()
    return made


pytestmark = [
    pytest.mark.slow,
    pytest.mark.classic("starts drivers of its own, and compares with a mart of this session"),
]


def test_the_second_of_two_drivers_is_refused_and_takes_over_when_the_first_is_killed(
    lake: Lake,
) -> None:
    build = (*BUILD, "--mart", MART, "--set", f"mart.lease_seconds={LEASE_SECONDS}")
    lake.other.start(*build)
    until = time.monotonic() + 120
    while not lake.store.keys("mart/_run.lease/"):
        assert time.monotonic() < until
        time.sleep(0.2)
    code, said = lake.driver.run(*build)
    assert (code, "The mart s3a://lake/mart is in use by a build of customer_mart" in said) == (
        1,
        True,
    )
    assert f"(process {lake.other.process.pid} on " in said
    lake.other.kill()
    killed_at = datetime.now(tz=timezone.utc)
    code, said = lake.driver.run(*build, "--set", "mart.wait_seconds=60")
    assert code == 0, said
    mart = lake.on_s3()
    assert mart.published() == lake.local.published()
    [run] = mart.table("mart_runs").collect()
    # It had renewed its claim within three quarters of the lease, else it would have stopped
    # itself; the clock is one of whole seconds.
    waited = run["started_at"].astimezone() - killed_at
    assert waited.total_seconds() > LEASE_SECONDS / 4 - 1
    assert lake.store.keys("mart/_run.lease/") in ([], ["mart/_run.lease/"])


def test_a_later_run_is_incremental_and_equals_one_on_this_machine(lake: Lake) -> None:
    lake.local.insert("stg_deposits", [("late", "u3", WHEN, 700)])
    lake.local.change("DELETE FROM", "stg_signups", "WHERE user_id = 'u6'")
    lake.deliver()
    code, said = lake.driver.run(*BUILD, "--mart", MART, "--mode", "incremental")
    assert code == 0, said
    assert lake.local.run(JANUARY) == 0
    mart = lake.on_s3()
    assert mart.last_run()["touched_customers"] == lake.local.last_run()["touched_customers"] == 2
    assert mart.published() == lake.local.published()


def test_sources_as_csv_and_parquet_files_give_the_same_tables(lake: Lake) -> None:
    files, places = lake.folder / "files", []
    for table, form in (("stg_deposits", "csv"), ("stg_web_events", "parquet")):
        rows = lake.local.spark.read.format("delta").load(str(lake.local.sources / table))
        rows.write.format(form).option("header", "true").save(str(files / table))
        places += ["--set", f"sources.{table}.path=s3a://lake/files/{table}"]
    lake.store.upload(files, "files")
    code, said = lake.driver.run(*BUILD, *places, "--mart", "s3a://lake/of_files/mart")
    assert code == 0, said
    folder = lake.store.download("of_files/", lake.folder / "copy_of_files") / "of_files"
    found, expected = Warehouse(lake.local.spark, folder).published(), lake.local.published()
    assert found.dim_customer == expected.dim_customer
    assert found.customer_ltv_scoring == expected.customer_ltv_scoring


def test_maintenance_deletes_what_killed_runs_staged_and_no_row(lake: Lake) -> None:
    lake.store.upload(lake.local.sources / "stg_games", "mart/_staging/killed/stg_games")
    before = lake.on_s3().published()
    code, said = lake.driver.run("maintain", "--mart", MART)
    assert code == 0, said
    assert lake.store.keys("mart/_staging/") == []
    assert lake.on_s3().published() == before


def test_status_history_and_erasure_work_where_the_mart_is(lake: Lake) -> None:
    before = lake.on_s3()
    said_of_u7 = ("history", "--mart", MART, "--user-id", "u7")
    status = ("status", "--mart", MART, "--max-age-hours", "1000000")
    assert lake.driver.printing(*status)[0] == 0
    code, page = lake.driver.printing(*said_of_u7)
    assert (code, "u7 has not moved since the tier moves are on record." in page) == (0, True)
    # Who left with the later run has a move.
    code, page = lake.driver.printing("history", "--mart", MART, "--user-id", "u6")
    assert (code, "Tier moves of u6" in page) == (0, True)

    code, said = lake.driver.run("erase", "--mart", MART, "--user-id", "u7")
    assert code == 0, said
    published, found = before.published(), lake.on_s3()
    for table in ("dim_customer", "customer_ltv_scoring"):
        kept = [row for row in getattr(published, table) if row["user_id"] != "u7"]
        assert len(kept) == 10
        assert getattr(found.published(), table) == kept
    assert found.table("erased_customers").count() == 1
    code, page = lake.driver.printing(*status)
    assert (code, found.last_run()["run_id"] in page) == (0, True)
    code, said = lake.driver.run(*said_of_u7)
    assert code == 3
    assert said.startswith(f"customer-mart: No customer u7 is or was in {MART}/")


def test_a_bucket_that_is_missing_is_one_sentence(lake: Lake) -> None:
    code, said = lake.driver.run(*BUILD, "--verbose", "--mart", "s3a://no-such-bucket/mart")
    assert code == 1
    assert said.startswith("customer-mart: The mart's lock cannot be written to s3a://no-such-")
    elsewhere = (*BUILD, "--sources", "s3a://no-such-bucket/sources")
    code, said = lake.driver.run(*elsewhere, "--verbose", "--mart", MART)
    assert code == 3
    assert re.match("customer-mart: Source stg_signups.* s3a://no-such-bucket/sources", said)
    assert "no-such-bucket" in lake.on_s3().last_run()["error"]


def test_credentials_that_are_refused_are_one_sentence(lake: Lake) -> None:
    """And the store's answer, which repeats them, is in nothing that is searched below."""
    elsewhere = (*BUILD, "--sources", f"s3a://{REFUSED}/sources")
    code, said = lake.driver.run(*elsewhere, "--verbose", "--mart", MART)
    assert code == 3, said
    assert re.match(f"customer-mart: Source stg_signups.* s3a://{REFUSED}/sources", said)


def test_no_secret_is_in_anything_that_was_written(lake: Lake) -> None:
    lake.driver.process.terminate()
    lake.driver.process.wait()
    lake.store.download("", lake.folder / "bucket")
    written = [file for file in lake.folder.rglob("*") if file.is_file()]
    # What is searched is what should be: the logs of a failed run, the events, the records.
    logs = [file for file in written if "stderr" in file.name]
    assert any(holds(file, "no-such-bucket") for file in logs)
    assert any(holds(file, "The provided token is malformed") for file in logs)
    events = [file for file in written if "events" in str(file.relative_to(lake.folder))]
    for name in ("fs.s3a.endpoint", *SECRET_PROPERTIES):
        assert any(holds(file, name) for file in events), name
    # Bytes of rows are compressed, so rows are read as well: that of the failed run is there.
    records = (lake.folder / "bucket" / "mart" / "mart_runs").glob("*.parquet")
    assert any(holds(file, "no-such-bucket") for file in records)
    secrets = (*SECRET_VALUES.values(), *SECRET_PROPERTIES.values())
    encoded = [quote(secret, safe="") for secret in secrets]
    assert [str(file) for file in written if holds(file, *secrets, *encoded)] == []
