"""The job as a cluster runs it: spark-submit, twice, on the same sources."""

import json
from pathlib import Path

import pytest

from tests.faults.damage import files_of, truncate
from tests.jobs.handful import ALL_DIRT, SIGNUPS, SOURCES
from tests.jobs.operator_data import AS_OF, Operator
from tests.processes import ROOT
from tests.submission import submit

pytestmark = pytest.mark.classic("starts a driver with a session of its own")


@pytest.mark.slow
def test_the_job_submitted_twice_publishes_the_same_rows(operator: Operator) -> None:
    operator.deliver_all(SOURCES)
    places = ("--sources", str(operator.sources), "--mart", str(operator.mart), "--as-of", AS_OF)
    job = str(ROOT / "jobs" / "build_customer_mart.py")
    seen = []
    for _ in range(2):
        done = submit(job, *places, *ALL_DIRT, "--log-format", "json")
        assert done.returncode == 0, done.stderr
        seen.append([operator.rows(table) for table in ("dim_customer", "customer_ltv_scoring")])
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert lines[-1]["stage"] == "publish customer_tier_changes"
        assert all(line["seconds"] >= 0 for line in lines)
    assert seen[0] == seen[1]
    assert [row["user_id"] for row in seen[0][0]] == ["ann", "bob"]
    # The process's time zone is Tokyo's, the session's is not.
    assert str(seen[0][0][0]["signup_date"]) == "2024-11-01"

    for file in files_of(operator.spark, operator.sources / "stg_deposits"):
        truncate(file)
    done = submit(job, *places, *ALL_DIRT)
    assert done.returncode == 3
    printed = (done.stdout + done.stderr).splitlines()
    (sentence,) = [line for line in printed if line.startswith("customer-mart:")]
    assert "stg_deposits" in sentence
    assert not any(line.startswith(("\tat ", "Traceback")) for line in printed)


@pytest.mark.slow
def test_each_table_can_be_built_by_a_job_of_its_own(operator: Operator) -> None:
    operator.deliver("stg_signups", SIGNUPS)
    operator.deliver_nothing_else()
    places = ("--sources", str(operator.sources), "--mart", str(operator.mart), "--as-of", AS_OF)
    dim = submit(str(ROOT / "jobs" / "build_dim_customer.py"), *places)
    assert dim.returncode == 0, dim.stderr
    scoring = submit(
        str(ROOT / "jobs" / "build_customer_ltv_scoring.py"), "--mart", str(operator.mart)
    )
    assert scoring.returncode == 0, scoring.stderr
    assert [row["user_id"] for row in operator.rows("customer_ltv_scoring")] == ["ann", "bob"]


@pytest.mark.slow
def test_a_session_without_delta_gets_one_sentence_that_says_what_is_missing(
    tmp_path: Path,
) -> None:
    job = str(ROOT / "jobs" / "build_customer_mart.py")
    done = submit(job, "--sources", str(tmp_path), "--mart", str(tmp_path / "m"), options=())
    assert done.returncode == 2
    # spark-submit sends what Python writes on standard error to its own standard output.
    printed = (done.stdout + done.stderr).splitlines()
    (sentence,) = [line for line in printed if line.startswith("customer-mart:")]
    assert "This Spark session has no Delta Lake" in sentence
    assert "conf/spark-local.conf" in sentence
    assert not any("Traceback" in line for line in printed)
