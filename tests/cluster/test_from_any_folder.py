"""Scripts find the repository from whichever folder they are called, and whatever CDPATH says."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [*sorted((ROOT / "scripts").glob("*.sh")), ROOT / ".ci" / "run"]
# In place of the environment: a spark-submit that notes its arguments and fetches one jar.
ENVIRONMENT = """
spark-submit() {
    printf '%s\\n' "$@" >"$root/submitted"
    mkdir -p "$work/ivy/jars"
    touch "$work/ivy/jars/delta-spark_4.2_2.13-4.4.0.jar"
}
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """An environment in which `cd scripts/..` leads to another repository."""
    (tmp_path / "other" / "scripts").mkdir(parents=True)
    return {**os.environ, "CDPATH": str(tmp_path / "other")}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """As much of one as scripts/fetch_jars.sh needs."""
    root = tmp_path / "repository"
    (root / "scripts").mkdir(parents=True)
    (root / "conf").mkdir()
    (root / "conf" / "spark-local.conf").touch()
    (root / "scripts" / "environment.sh").write_text(ENVIRONMENT)
    shutil.copy(ROOT / "scripts" / "fetch_jars.sh", root / "scripts")
    return root


def _done(
    *command: str, cwd: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/usr/bin/env", "bash", *command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_asks_for_no_cdpath_before_it_changes_folders(script: Path) -> None:
    before, changes, _ = script.read_text(encoding="utf-8").partition('cd "$(dirname')
    assert changes
    assert "\nunset CDPATH\n" in before


@pytest.mark.parametrize(("cwd", "script"), [(".", "scripts/submit.sh"), ("scripts", "submit.sh")])
def test_a_job_is_submitted_with_the_properties_of_this_repository(
    cwd: str, script: str, elsewhere: dict[str, str]
) -> None:
    program = Path(elsewhere["CDPATH"]) / "bin" / "spark-submit"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    environment = {**elsewhere, "SPARK_HOME": elsewhere["CDPATH"]}
    done = _done(script, "--master", "yarn", "job.py", cwd=ROOT / cwd, environment=environment)
    properties = str(ROOT / "conf" / "spark-yarn.conf")
    assert done.stdout.splitlines() == [
        *("--master", "yarn", "--properties-file", properties),
        "job.py",
    ]


@pytest.mark.parametrize(
    ("cwd", "script"), [(".", "scripts/fetch_jars.sh"), ("scripts", "fetch_jars.sh")]
)
def test_jars_are_fetched_from_any_folder(
    cwd: str, script: str, elsewhere: dict[str, str], repository: Path
) -> None:
    done = _done(script, "jars", cwd=repository / cwd, environment=elsewhere)
    jar = repository / cwd / "jars" / "delta-spark_4.2_2.13-4.4.0.jar"
    assert (done.returncode, done.stdout) == (0, f"{jar.resolve()}\n"), done.stderr
    conf = str(repository / "conf" / "spark-local.conf")
    submitted = (repository / "submitted").read_text(encoding="utf-8").splitlines()
    assert submitted[:2] == ["--properties-file", conf]


@pytest.mark.parametrize("arguments", [[], [""], ["jars", ""], ["--jars"]])
def test_jars_without_a_folder_are_wrong_usage(arguments: list[str], repository: Path) -> None:
    done = _done("scripts/fetch_jars.sh", *arguments, cwd=repository, environment={**os.environ})
    assert done.returncode == 2
    assert "Usage: scripts/fetch_jars.sh DIR [CONF]" in done.stderr
