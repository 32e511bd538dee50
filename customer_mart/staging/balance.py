"""The reconciliation of a source: every row read and every cent, by what became of it.

Amounts are sums over rows whose amount is valid: a BAD_AMOUNT row counts as a row only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pyspark.sql import Column, DataFrame, Observation
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
SET_ASIDE, VALID_AMOUNT = "set_aside", "valid_amount"
NOT_QUARANTINED = (USED, NOT_YET, ANONYMOUS, DEDUPLICATED)
ZERO = Decimal("0.00")


def is_quarantined() -> Column:
    """Whether a row's disposition so far is a reason to set it aside in quarantine."""
    return ~F.col(DISPOSITION).isin(*NOT_QUARANTINED)


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
    """A source's balance from what passes over its rows counted; what two counted adds up.

    Passes also count what is no disposition's: that is passed over.
    """
    rows: dict[str, int] = {}
    amounts: dict[str, Decimal] = {}
    for metric, value in (item for metrics in passes for item in metrics.items()):
        disposition, _, kind = metric.partition(":")
        if kind == "rows":
            rows[disposition] = rows.get(disposition, 0) + (value or 0)
        elif kind == "amount":
            amounts[disposition] = amounts.get(disposition, ZERO) + (value or ZERO)
    return Balance(source, rows, amounts)


def _adds_up(parts: Mapping[str, int | Decimal]) -> bool:
    return parts.get(READ, 0) == sum(value for name, value in parts.items() if name != READ)


def observed_early(rows: DataFrame, table: Contract, metrics: Observation) -> DataFrame:
    """The given rows, observed: what was read, and what its own values set aside.

    rows: with an early disposition.
    """
    asked = _asked_of_a_row(table)
    return rows.withColumns(asked).observe(metrics, *_early_metrics(table)).drop(*asked)


def recount(rows: DataFrame, table: Contract) -> dict[str, Any]:
    """What observed_early observes, by a pass of its own."""
    asked = rows.withColumns(_asked_of_a_row(table))
    counted = asked.agg(*_early_metrics(table)).first()
    return counted.asDict() if counted else {}


def _asked_of_a_row(table: Contract) -> dict[str, Column]:
    """What the early metrics ask of every row, worked out once a row and in generated code.

    An observation evaluates each of its metrics by itself, and most rows are used.
    """
    set_aside = F.when(F.col(DISPOSITION) != USED, F.col(DISPOSITION))
    amount = table.tagged("amount")
    valid = {VALID_AMOUNT: _valid(amount)} if amount else {}
    return {SET_ASIDE: set_aside, **valid}


def _early_metrics(table: Contract) -> list[Column]:
    """What was read and what its own values set aside, over rows with what is asked of them."""
    amount = F.col(VALID_AMOUNT) if table.tagged("amount") else None
    reasons = {name: F.col(SET_ASIDE) == name for name in early_dispositions(table)}
    of_read = [F.count(F.lit(1)).alias(f"{READ}:rows")]
    if amount is not None:
        of_read.append(F.sum(amount).alias(f"{READ}:amount"))
    return [*of_read, *(m for name, it in reasons.items() for m in _metrics(name, it, amount))]


def duplicate_metrics(table: Contract) -> list[Column]:
    """What duplicates set aside, over rows marked with their duplicates."""
    found = (DEDUPLICATED, DUPLICATE_KEY)
    return [m for name in found for m in _metrics_of(name, table)]


def used_metrics(table: Contract) -> list[Column]:
    """What is used, over rows of a source that has no user."""
    return _metrics_of(USED, table)


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


def _metrics_of(disposition: str, table: Contract) -> list[Column]:
    """Rows and valid amounts of a disposition."""
    amount = table.tagged("amount")
    is_it = F.col(DISPOSITION) == disposition
    return _metrics(disposition, is_it, _valid(amount) if amount else None)


def _metrics(name: str, is_it: Column, valid_amount: Column | None) -> list[Column]:
    counted = F.count_if(is_it).alias(f"{name}:rows")
    if valid_amount is None:
        return [counted]
    return [counted, F.sum(F.when(is_it, valid_amount)).alias(f"{name}:amount")]


def _valid(amount: str) -> Column:
    """An amount where it is valid, wide enough for the sum of every row there can be.

    A total never overflows on bad rows.
    """
    return F.when(F.col(amount) >= 0, F.col(amount)).cast("decimal(24,2)")
