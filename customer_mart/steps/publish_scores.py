"""customer_ltv_scoring: computed of dim_customer, and checked by the jobs that do it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F

from customer_mart.contracts import contract
from customer_mart.customer_ltv_scoring.customer_ltv_scoring import (
    customer_ltv_scoring,
    with_scoring,
)
from customer_mart.errors import DataError, MartError
from customer_mart.failures import all_that_is_told
from customer_mart.passes import observed
from customer_mart.publish.checks import (
    breached,
    contract_measures,
    key_checksum,
    total_measures,
    without_breaches,
)
from customer_mart.publish.layout import lie_by_partition
from customer_mart.publish.publications import DIM_VERSION
from customer_mart.run import Run
from customer_mart.steps.publish_tables import publish_rows

SCORING_TOTALS = (
    "rows",
    "total_deposits",
    "total_deposit_amount_minor",
    "total_purchases",
    "total_purchase_amount_usd",
)


def scoring_of(run: Run, customers: DataFrame) -> DataFrame:
    """customer_ltv_scoring of a dim_customer, at the run's as-of instant."""
    return customers.transform(
        customer_ltv_scoring, run.as_of, run.settings.scoring, run.updated_at
    )


def with_measured_scores(run: Run, customers: DataFrame, measured: Observation) -> DataFrame:
    """The same customers, their scores measured as they pass."""
    table = contract("customer_ltv_scoring")
    measures = contract_measures(table, run.settings.rule_values, SCORING_TOTALS)
    scored = customers.transform(with_scoring, run.as_of, run.settings.scoring)
    return scored.observe(measured, *measures, key_checksum(table))


@dataclass(frozen=True)
class Totals:
    """The totals and key checksum of customers, and of the scores that were computed of them."""

    customers: Mapping[str, Any]
    scores: Mapping[str, Any]


def publish_scoring(run: Run, customers: DataFrame, dim_version: int) -> Totals:
    """Publishes customer_ltv_scoring, best scores first within a date.

    Every score is checked by the job that writes it: one that breaks the contract fails that job,
    and nothing is committed.

    customers: those of dim_customer at a version, and through no exchange since. Where they lie by
    date, so do their scores.

    Raises:
        DataError: if a score breaks the contract.
        MartError: if one does when dim_customer has been published by this run.
    """
    table = contract("customer_ltv_scoring")
    of_customers, of_scores = Observation(), Observation()
    scores = scoring_of(run, customers.observe(of_customers, *_totals()))
    checked = scores.transform(without_breaches, table, run.settings.rule_values)
    are_in_place = lie_by_partition(run.spark, scores, table.partition_columns)
    with _breaches_told(run):
        publish_rows(
            run,
            table.name,
            checked.observe(of_scores, *_totals()),
            [F.desc("ltv_score"), F.asc("user_id")],
            {DIM_VERSION: str(dim_version)},
            are_in_place=are_in_place,
        )
    if not are_in_place:
        # Before an exchange, an executor's loss may have counted rows twice.
        return _totals_of(run, customers)
    return Totals(observed(of_customers), observed(of_scores))


@contextmanager
def _breaches_told(run: Run) -> Iterator[None]:
    """Puts a check that a row breaks on record, and says which it is."""
    try:
        yield
    except Exception as error:
        check = breached(all_that_is_told(error))
        if check is None:
            raise
        run.record.checks.append(check)
        is_merged = "dim_customer" in run.record.target_versions
        told = check.failure("customer_ltv_scoring is unchanged")
        raise (MartError if is_merged else DataError)(told) from error


def _totals_of(run: Run, customers: DataFrame) -> Totals:
    """The same totals by jobs of their own, those of the scores as they were published."""
    table = run.target("customer_ltv_scoring")
    scores = table.read(run.spark, run.record.target_versions[table.contract.name])
    found, expected = (rows.agg(*_totals()).collect()[0] for rows in (scores, customers))
    return Totals(customers=expected.asDict(), scores=found.asDict())


def _totals() -> list[Column]:
    """What customers and their scores have in common."""
    return [*total_measures(SCORING_TOTALS), key_checksum(contract("customer_ltv_scoring"))]
