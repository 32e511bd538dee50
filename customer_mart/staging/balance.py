"""The reconciliation of a source: every row read and every cent, by what became of it.

Amounts are sums over rows whose amount is valid: a BAD_AMOUNT row counts as a row only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from customer_mart.contracts import Contract
from customer_mart.staging.dispositions import (
    ANONYMOUS,
    DEDUPLICATED,
    DISPOSITION,
    DUPLICATE_KEY,
    NOT_YET,
    ORPHAN_USER,
    USED,
    early_dispositions,
    user_disposition,
)

READ = "read"
NOT_QUARANTINED = (USED, NOT_YET, ANONYMOUS, DEDUPLICATED)
ZERO = Decimal("0.00")


@dataclass(frozen=True)
class Balance:
    """Rows and amounts of one source, by disposition."""

    source: str
    rows: Mapping[str, int]
    amounts: Mapping[str, Decimal]

    @property
    def read(self) -> int:
        """Rows read."""
        return self.rows.get(READ, 0)

    @property
    def quarantined(self) -> dict[str, int]:
        """Quarantined rows by reason, only reasons that occurred."""
        kept = (*NOT_QUARANTINED, READ)
        return {name: rows for name, rows in self.rows.items() if rows and name not in kept}

    @property
    def is_balanced(self) -> bool:
        """Whether what was read is exactly what was used and set aside, in rows and amounts."""
        return _adds_up(self.rows) and _adds_up(self.amounts)

    def quarantined_fraction(self) -> Decimal:
        """Quarantined rows by rows read; 0 for an empty source."""
        read = self.rows.get(READ, 0)
        return Decimal(sum(self.quarantined.values())) / read if read else Decimal(0)


def balance_of(source: str, *passes: Mapping[str, Any]) -> Balance:
    """A source's balance from what passes over its rows counted; what two counted adds up."""
    rows: dict[str, int] = {}
    amounts: dict[str, Decimal] = {}
    for metric, value in (item for metrics in passes for item in metrics.items()):
        disposition, _, kind = metric.partition(":")
        if kind == "rows":
            rows[disposition] = rows.get(disposition, 0) + (value or 0)
        else:
            amounts[disposition] = amounts.get(disposition, ZERO) + (value or ZERO)
    return Balance(source, rows, amounts)


def _adds_up(parts: Mapping[str, int | Decimal]) -> bool:
    return parts.get(READ, 0) == sum(value for name, value in parts.items() if name != READ)


def early_metrics(table: Contract) -> list[Column]:
    """What was read and what its own values set aside, over rows with an early disposition."""
    dispositions = early_dispositions(table)
    return [
        *_metrics(READ, F.lit(True), table),
        *(m for name in dispositions for m in _metrics(name, F.col(DISPOSITION) == name, table)),
    ]


def duplicate_metrics(table: Contract) -> list[Column]:
    """What duplicates set aside, over rows marked with their duplicates."""
    found = (DEDUPLICATED, DUPLICATE_KEY)
    return [m for name in found for m in _metrics(name, F.col(DISPOSITION) == name, table)]


def used_metrics(table: Contract) -> list[Column]:
    """What is used, over rows of a source that has no user."""
    return _metrics(USED, F.col(DISPOSITION) == USED, table)


def customer_metrics(rows: str, amount: str | None, *, hundredths: bool = False) -> list[Column]:
    """What users' signups make of their facts, over one row per user.

    rows and amount name the columns that hold a user's count and sum, a whole number; hundredths
    tells whether that is of hundredths of what the source has.
    """
    unit = F.lit("0.01" if hundredths else "1.00").cast("decimal(3,2)")
    metrics: list[Column] = []
    for name in (USED, NOT_YET, ORPHAN_USER):
        is_it = user_disposition("is_signed_up") == name
        metrics.append(F.sum(F.when(is_it, F.col(rows))).alias(f"{name}:rows"))
        if amount:
            total = F.sum(F.when(is_it, F.col(amount).cast("decimal(28,0)")))
            metrics.append((total * unit).cast("decimal(38,2)").alias(f"{name}:amount"))
    return metrics


def recount(rows: DataFrame, table: Contract) -> dict[str, Any]:
    """The early metrics by a pass of their own over rows with an early disposition."""
    counted = rows.agg(*early_metrics(table)).first()
    return counted.asDict() if counted else {}


def _metrics(name: str, is_it: Column, table: Contract) -> list[Column]:
    counted = F.count_if(is_it).alias(f"{name}:rows")
    amount = table.tagged("amount")
    if not amount:
        return [counted]
    valid = F.when(is_it & (F.col(amount) >= 0), F.col(amount))
    # Wide enough for the sum of every row there can be: a total never overflows on bad rows.
    return [counted, F.sum(valid.cast("decimal(24,2)")).alias(f"{name}:amount")]
