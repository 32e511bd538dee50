"""A source that has users: by which method it is staged, and what is asked of each of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from customer_mart.contracts import Contract
from customer_mart.sources import SourceTable
from customer_mart.staging.balance import customer_metrics
from customer_mart.staging.dispositions import DISPOSITION, NOT_YET, USED
from customer_mart.staging.user_key import IS_MIXED, Method, exchanged


class PerCustomer(Protocol):
    """One row per key of the method, from a source's rows partitioned by user."""

    def __call__(self, rows: DataFrame, /, *, method: Method) -> DataFrame: ...


@dataclass(frozen=True)
class Measure:
    """The columns of a source's per-customer frame that hold its rows, its amount and its doubts.

    hundredths: whether the amount is in cents where the source has dollars.
    """

    source: str
    rows: str
    amount: str | None = None
    hundredths: bool = False
    warnings: Sequence[str] = ()

    def metrics(self) -> list[Column]:
        """What users' signups make of their facts, the doubts about them, and users mixed up."""
        return [
            *customer_metrics(self.rows, self.amount, hundredths=self.hundredths),
            *self._doubts(),
            F.count_if(IS_MIXED).alias(IS_MIXED),
        ]

    def _doubts(self) -> list[Column]:
        """Doubts about facts that are used, summed over the customers who signed up."""
        is_signed_up = F.col("is_signed_up")
        return [F.sum(F.when(is_signed_up, F.col(name))).alias(name) for name in self.warnings]


@dataclass(frozen=True)
class UserSource:
    """A source that has users, as one attempt stages it.

    per_customer: at most one row per key of the method, from the source's rows by user.
    """

    table: SourceTable
    method: Method
    measure: Measure
    per_customer: Callable[[DataFrame], DataFrame]

    @property
    def contract(self) -> Contract:
        return self.table.contract

    @property
    def name(self) -> str:
        return self.contract.name

    def by_user(self, read: DataFrame) -> DataFrame:
        """Rows that may be used, by user: the one exchange of a source."""
        if self.name == "stg_signups":
            # A signup still to come makes its user's facts 'not yet' rather than orphans.
            kept = read.where(F.col(DISPOSITION).isin(USED, NOT_YET))
            return exchanged(kept, self.method)
        used = read.where(F.col(DISPOSITION) == USED).drop(DISPOSITION)
        return exchanged(used, self.method).withColumn(DISPOSITION, F.lit(USED))
