"""dim_customer: staged and measured by one job, then published."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from customer_mart.contracts import contract
from customer_mart.dim_customer.dim_customer import dim_customer, joined_customers
from customer_mart.passes import observed
from customer_mart.publish.checks import COPIES, contract_measures, key_measures, with_copies
from customer_mart.run import Run
from customer_mart.steps.publish_scores import SCORING_TOTALS, with_measured_scores
from customer_mart.steps.publish_tables import publish_rows
from customer_mart.steps.stage_sources import StagedCustomers

DIM_TOTALS = (*SCORING_TOTALS, "total_web_events")


@dataclass(frozen=True)
class StagedDim:
    """dim_customer as it would be published, and what was measured of it on the way.

    scores: what was measured of the scores of the same customers; nothing where they are not to be
    published.
    """

    rows: DataFrame
    measured: Mapping[str, Any]
    scores: Mapping[str, Any]


def stage_dim_customer(run: Run, staged: StagedCustomers, *, scored: bool = False) -> StagedDim:
    """dim_customer written once, so that what is checked is kept; measured by the same job.

    scored: whether the customers are scored as well, to have their scores measured.
    """
    settings = run.settings
    table = contract("dim_customer")
    with run.progress.stage("dim_customer"):
        key = staged.method.key
        joined = joined_customers(
            staged.signups, staged.deposits, staged.purchases, staged.web_events, key
        )
        # Counted before the columns are computed: a window ends the engine's generated code, and
        # joins and columns together make a method so long that HotSpot may never compile it.
        customers = dim_customer(
            with_copies(joined, key),
            business_time_zone=settings.business_time_zone,
            customer_segments=settings.customer_segments,
            high_jackpot_label=settings.player_types.high_jackpot,
            regular_label=settings.player_types.regular,
            updated_at=run.updated_at,
            also=[COPIES],
        )
        dim_measures = contract_measures(table, settings.rule_values, DIM_TOTALS)
        of_dim, of_scores = Observation(), Observation()
        counted = customers.observe(of_dim, *dim_measures, *key_measures(table))
        if scored:
            counted = with_measured_scores(run, counted, of_scores)
        rows = run.staging.stage("dim_customer", counted.select(*table.column_names))
        return StagedDim(rows, observed(of_dim), observed(of_scores) if scored else {})


def publish_dim_customer(run: Run, customers: DataFrame) -> int:
    """Publishes dim_customer and returns its version."""
    return publish_rows(run, "dim_customer", customers, [F.asc("user_id")])
