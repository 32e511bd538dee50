"""The line that scripts/submit.sh hands to spark-submit, and the properties files it chooses."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from customer_mart.session import DELTA

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf"
JOB = ("jobs/build_customer_mart.py", "--mode", "full")


@pytest.fixture
def spark_home(tmp_path: Path) -> Path:
    """A Spark whose spark-submit prints what it is told."""
    program = tmp_path / "spark" / "bin" / "spark-submit"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    return tmp_path / "spark"


def _submit(spark_home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SPARK_HOME": str(spark_home)}
    return subprocess.run(
        [str(ROOT / "scripts" / "submit.sh"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("master", "name"),
    [
        ("local[2]", "local"),
        ("spark://127.0.0.1:7077", "standalone"),
        ("yarn", "yarn"),
        ("k8s://https://127.0.0.1:6443", "kubernetes"),
    ],
)
def test_the_master_chooses_the_properties(spark_home: Path, master: str, name: str) -> None:
    done = _submit(spark_home, "--master", master, *JOB)
    chosen = ["--properties-file", str(CONF / f"spark-{name}.conf")]
    assert done.stdout.splitlines() == ["--master", master, *chosen, *JOB]


def test_a_properties_file_of_one_s_own_goes_before(spark_home: Path) -> None:
    done = _submit(spark_home, "--master", "mesh://here", "--conf-file", "mine.conf", *JOB)
    assert done.stdout.splitlines() == [
        *("--master", "mesh://here", "--properties-file", "mine.conf"),
        *JOB,
    ]


def test_jars_that_are_there_take_the_place_of_a_download(
    spark_home: Path, tmp_path: Path
) -> None:
    for name in ("delta-spark_4.2_2.13-4.4.0.jar", "delta-storage-4.4.0.jar"):
        (tmp_path / name).touch()
    line = ("--master", "yarn", "--jars-dir", str(tmp_path), "--verbose", "--conf=a=b", *JOB)
    assert _submit(spark_home, *line).stdout.splitlines() == [
        *("--conf", "spark.jars.packages=", "--master", "yarn", "--verbose", "--conf", "a=b"),
        "--jars",
        f"{tmp_path}/delta-spark_4.2_2.13-4.4.0.jar,{tmp_path}/delta-storage-4.4.0.jar",
        *("--properties-file", str(CONF / "spark-yarn.conf")),
        *JOB,
    ]


@pytest.mark.parametrize(
    "switch", ["-v", "--verbose", "--supervise", "--load-spark-defaults", "--usage-error"]
)
def test_an_option_without_a_value_takes_none(spark_home: Path, switch: str) -> None:
    done = _submit(spark_home, "--master", "yarn", switch, *JOB)
    chosen = ["--properties-file", str(CONF / "spark-yarn.conf")]
    assert done.stdout.splitlines() == ["--master", "yarn", switch, *chosen, *JOB]


def test_the_version_is_spark_s_and_takes_no_job(spark_home: Path) -> None:
    for before in ((), ("--master", "yarn", "--verbose")):
        done = _submit(spark_home, *before, "--version")
        assert (done.returncode, done.stdout) == (0, "--version\n")


def test_jars_of_one_s_own_come_along(spark_home: Path, tmp_path: Path) -> None:
    delta = tmp_path / "delta-spark_4.2_2.13-4.4.0.jar"
    delta.touch()
    own = ("--jars", "hadoop-aws.jar", "--jars=bundle.jar")
    for where, expected in (
        (("--jars-dir", str(tmp_path)), f"{delta},hadoop-aws.jar,bundle.jar"),
        ((), "hadoop-aws.jar,bundle.jar"),
    ):
        done = _submit(spark_home, "--master", "yarn", *own, *where, *JOB)
        line = done.stdout.splitlines()
        assert [line.count("--jars"), line[line.index("--jars") + 1]] == [1, expected]


def test_packages_of_one_s_own_are_the_last_that_are_named(
    spark_home: Path, tmp_path: Path
) -> None:
    (tmp_path / "delta-spark_4.2_2.13-4.4.0.jar").touch()
    own = ("--conf", "spark.jars.packages=org.postgresql:postgresql:42.7.4")
    where = ("--conf-file", "mine.conf", "--jars-dir", str(tmp_path))
    line = _submit(spark_home, *own, *where, *JOB).stdout.splitlines()
    assert [word for word in line if word.startswith("spark.jars.packages")] == [
        "spark.jars.packages=",
        own[1],
    ]


@pytest.mark.parametrize("option", [("--conf", "spark.jars=a.jar"), ("-c", "spark.jars=a.jar")])
def test_jars_that_would_be_left_out_are_refused(
    spark_home: Path, tmp_path: Path, option: tuple[str, str]
) -> None:
    (tmp_path / "delta-spark_4.2_2.13-4.4.0.jar").touch()
    done = _submit(spark_home, "--master", "yarn", *option, "--jars-dir", str(tmp_path), *JOB)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("--jars-dir: spark.jars would be left out; name those jars")
    assert _submit(spark_home, "--master", "yarn", *option, *JOB).returncode == 0


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("spark.jars a.jar", 2),
        ("  spark.jars = a.jar", 2),
        ("spark.jars:a.jar", 2),
        ("spark.jars", 0),
        ("# spark.jars a.jar", 0),
        ("spark.jars.excludes org.slf4j:*", 0),
    ],
)
def test_jars_of_a_properties_file_that_would_be_left_out_are_refused(
    spark_home: Path, tmp_path: Path, line: str, code: int
) -> None:
    (tmp_path / "delta-spark_4.2_2.13-4.4.0.jar").touch()
    conf = tmp_path / "mine.conf"
    conf.write_text(f"spark.master yarn\n{line}\n")
    where = ("--conf-file", str(conf), "--jars-dir", str(tmp_path))
    assert _submit(spark_home, *where, *JOB).returncode == code


def test_two_versions_of_delta_lake_are_refused(spark_home: Path, tmp_path: Path) -> None:
    for version in ("4.3.0", "4.4.0"):
        (tmp_path / f"delta-spark_4.2_2.13-{version}.jar").touch()
    done = _submit(spark_home, "--master", "yarn", "--jars-dir", str(tmp_path), *JOB)
    assert (done.returncode, done.stdout) == (2, "")
    assert "has several versions of Delta Lake; keep one" in done.stderr


def test_a_spark_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = _submit(tmp_path / "nowhere", "--master", "yarn", *JOB)
    assert done.returncode == 2
    assert f"There is no {tmp_path}/nowhere/bin/spark-submit: set SPARK_HOME" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (JOB, "Say where to"),
        (("--master", "yarn"), "Say which job"),
        (("--master",), "--master needs a value"),
        (("--master=", *JOB), "--master needs a value"),
        (("--master", "yarn", "--conf-file", "", *JOB), "--conf-file needs a value"),
        (("--master", "yarn", "--jars-dir=", *JOB), "--jars-dir needs a value"),
        (("--master", "mesh://here", *JOB), "no file in conf/ is for 'mesh://here'"),
        (("--master", "yarn", "--jars-dir", "/nonexistent", *JOB), "has no jar of Delta Lake"),
        (("--master", "yarn", "--jars-dir", "/jars,1", *JOB), "'/jars,1' has a comma"),
    ],
)
def test_wrong_usage_is_a_sentence_and_exit_code_2(
    spark_home: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = _submit(spark_home, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr.splitlines()[0]


def _properties(name: str) -> dict[str, str]:
    """The properties of a file, lines that go on cut off."""
    text = (CONF / f"spark-{name}.conf").read_text("utf-8")
    return dict(re.findall(r"^(spark\.\S+)\s+(\S+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize(
    ("name", "python"),
    [
        (
            "kubernetes",
            {"spark.pyspark.python": "python3", "spark.pyspark.driver.python": "python3"},
        ),
        (
            "yarn",
            {
                "spark.yarn.appMasterEnv.PYSPARK_PYTHON": "./environment/bin/python",
                "spark.yarn.appMasterEnv.PYSPARK_DRIVER_PYTHON": "./environment/bin/python",
            },
        ),
    ],
)
def test_a_driver_on_the_cluster_takes_no_python_of_who_submits(
    name: str, python: dict[str, str]
) -> None:
    """Spark would copy the PYSPARK_PYTHON that .venv/bin/spark-submit sets."""
    assert _properties(name).items() >= python.items()


@pytest.mark.parametrize("name", ["local", "standalone", "yarn", "kubernetes"])
def test_every_properties_file_brings_delta_lake(name: str) -> None:
    settings = _properties(name)
    assert settings.items() >= DELTA.items()
    pinned = re.search(r"delta-spark==([\d.]+)", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert pinned
    # On Kubernetes the image has the jars.
    expected = None if name == "kubernetes" else f"io.delta:delta-spark_4.2_2.13:{pinned[1]}"
    assert settings.get("spark.jars.packages") == expected
