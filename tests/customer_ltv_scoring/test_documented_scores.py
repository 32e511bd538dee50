"""docs/scores.md has the scores that the package computes, and every setting behind them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.contracts import contract
from customer_mart.customer_ltv_scoring.customer_ltv_scoring import customer_ltv_scoring
from customer_mart.settings import Scoring
from tests.frames import utc

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scores.md").read_text(encoding="utf-8")
UPDATED_AT = utc("2025-01-01 06:30:00")
SCORES = (5, 4, 3, 2)
# What the page has in the place of a cut-off that is not there.
NO_CUTOFF = "none"


def _rows(text: str) -> list[list[str]]:
    """The rows of the tables in a text, cell by cell, without the backticks around a cell."""
    tables = re.findall(r"^\| (.*) \|$", text, re.MULTILINE)
    return [[cell.strip("`") for cell in row.split(" | ")] for row in tables]


def _columns(heading: str) -> dict[str, str]:
    """The columns of a customer under a heading, each with the value in its last cell."""
    [section] = re.findall(rf"^### {heading}$(.*?)(?=^#)", PAGE, re.DOTALL | re.MULTILINE)
    _, *rows = _rows(section)
    return {row[0]: row[-1] for row in rows}


def _dim_customer(spark: SparkSession, given: dict[str, str]) -> DataFrame:
    """The customer of dim_customer that the page gives; what it does not name is NULL."""
    texts = spark.createDataFrame([tuple(given.values())], [*given])
    values = {name: F.col(name) for name in given}
    return texts.select(
        *(
            values.get(column.name, F.lit(None)).cast(column.type).alias(column.name)
            for column in contract("dim_customer").columns
        )
    )


def _defaults(settings: Any, name: str) -> Iterator[tuple[str, list[str]]]:
    """Each setting below a name, as the page writes it, with its defaults in the page's order."""
    if isinstance(settings, list):
        # A band: its bound, and what that earns.
        for number, band in enumerate(settings):
            yield f"{name}.{number}", [str(value) for value in band.values()]
    elif not isinstance(settings, dict):
        yield name, [str(settings)]
    elif cutoffs := settings.get("at_least") or settings.get("at_most"):
        by_score = [cutoffs.get(score, NO_CUTOFF) for score in SCORES]
        yield name, [str(value) for value in (*by_score, settings["otherwise"])]
        for other in settings.keys() - {"at_least", "at_most", "otherwise"}:
            yield f"{name}.{other}", [str(settings[other])]
    else:
        for inner, value in settings.items():
            yield from _defaults(value, f"{name}.{inner}")


def test_the_customer_of_the_page_is_scored_as_the_page_says(spark: SparkSession) -> None:
    given, worked_out = _columns("What is given"), _columns("What follows")
    as_of = utc(given.pop("as_of"))
    scores = customer_ltv_scoring(_dim_customer(spark, given), as_of, Scoring(), UPDATED_AT)
    published = [name for name in scores.columns if name != "dbt_updated_at"]
    shown = scores.select(*(F.col(name).cast("string").alias(name) for name in published))
    carried_over = {name: value for name, value in given.items() if name in published}
    # As text: a page's 75.83 is not taken for 75.830001, nor a 150 for a 150.0.
    assert [row.asDict() for row in shown.collect()] == [{**carried_over, **worked_out}]


def test_the_page_names_every_setting_of_the_scores_with_its_default() -> None:
    spelled_out = yaml.safe_load((ROOT / "conf" / "base.yml").read_text(encoding="utf-8"))
    expected = dict(_defaults(spelled_out["scoring"], "scoring"))
    documented: dict[str, list[str]] = {}
    for *cells, setting in _rows(PAGE):
        if setting.startswith("scoring."):
            # Before its defaults, a row has words.
            documented[setting] = cells[-len(expected.get(setting, cells)) :]
    assert documented == expected
