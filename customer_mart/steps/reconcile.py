"""Reconciling the sources: the balance of each put on record."""

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from customer_mart.passes import early_rows
from customer_mart.run import Run
from customer_mart.sources import SourceTable
from customer_mart.staging.balance import (
    Balance,
    balance_of,
    duplicate_metrics,
    recount,
    used_metrics,
)
from customer_mart.staging.dispositions import DISPOSITION, USED, with_duplicates


def reconcile(run: Run, source: SourceTable, **doubts: Column) -> None:
    """Balances a small source that has no user, by passes of its own.

    doubts: by the kind of warning, what makes a row doubtful as it was delivered, used as it is.
    """
    table = source.contract
    with run.progress.stage(table.name) as stage:
        rows = early_rows(run, source, *(is_it.alias(kind) for kind, is_it in doubts.items()))
        used = rows.where(F.col(DISPOSITION) == USED)
        compared = used if source.is_unique else with_duplicates(used, table)
        doubtful = [F.count_if(kind).alias(kind) for kind in doubts]
        metrics = (*used_metrics(table), *duplicate_metrics(table), *doubtful)
        counted = compared.agg(*metrics).first()
        late = counted.asDict() if counted else {}
        run.record.warnings.update({kind: late.get(kind, 0) for kind in doubts})
        stage.rows = balance(run, source, recount(rows, table), late).read


def balance(
    run: Run, source: SourceTable, early: Mapping[str, Any], *late: Mapping[str, Any]
) -> Balance:
    """The source's balance, counting again what an executor's loss may have counted twice.

    Metrics observed before the exchange are at-least-once: a map stage that Spark runs again
    counts again. Those after it are exact.
    """
    name = source.contract.name
    found = balance_of(name, early, *late)
    if not early or not found.is_balanced:
        recounted = recount(early_rows(run, source), source.contract)
        found = balance_of(name, recounted, *late)
    run.record.balances.append(found)
    return found
