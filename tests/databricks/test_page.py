"""docs/platforms/databricks.md says what the package sets, and what tasks of one's own take."""

import re

import pytest
import yaml

from customer_mart.publish.commit import USER_METADATA
from customer_mart.publish.layout import WHOLE_FILES
from customer_mart.publish.parquet_encoding import DICTIONARIES
from customer_mart.publish.upkeep import RETENTION_CHECK
from customer_mart.session import CORRECTED, PINNED, TUNED
from customer_mart.session_setting import HASHED_JOINS, YOUNG_VERSIONS_ONLY
from customer_mart.settings import load_settings
from tests.databricks.bundle import ROOT, resolved

PAGE = (ROOT / "docs" / "platforms" / "databricks.md").read_text(encoding="utf-8")
# A value that only a run knows, or one of several, has none on the page.
SETTINGS = {
    **PINNED,
    **CORRECTED,
    **TUNED,
    **HASHED_JOINS,
    **WHOLE_FILES,
    USER_METADATA: "",
    RETENTION_CHECK: "",
    DICTIONARIES: "false",
    YOUNG_VERSIONS_ONLY: "false",
}
MARTS = {"dev": "lottery.mart_ann_doe", "prod": "lottery.mart"}


def _documented() -> dict[str, str]:
    """Settings in the first column of the page's table, with the values it gives them."""
    section = PAGE.split("## What the package sets")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    named = [text for cell in cells for text in re.findall(r"`([\w.]+\.[\w.]+(?:=\w+)?)`", cell)]
    return {name: value for name, _, value in (text.partition("=") for text in named)}


def test_the_table_of_settings_has_the_package_s_own_values() -> None:
    assert _documented() == SETTINGS


@pytest.mark.parametrize("target", ["dev", "prod"])
def test_a_task_of_one_s_own_works_on_the_target_s_mart(target: str) -> None:
    [written] = re.findall(r"```yaml\n(parameters:.*?)```", PAGE, re.DOTALL)
    arguments = resolved(yaml.safe_load(written)["parameters"], target)
    assert arguments[:2] == ["erase", "--config"]
    assert arguments[3] == "--set"
    settings = load_settings(ROOT / "conf" / "prod.yml", [arguments[4]])
    assert arguments[2] == str(ROOT / "conf" / "prod.yml")
    assert settings.mart.catalog_schema == MARTS[target]
