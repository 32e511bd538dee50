"""The customers whom the ledger names, told by their hashes alone."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from customer_mart.sources.salted_hash import salted_hash

# A name that no source gives a column.
HASH = "_erased_user_hash"


@dataclass(frozen=True)
class Erased:
    """Whom to leave out of everything that is read.

    hashes: one row per customer. unfinished: the requests that did not come to their end, so that
    a table may still hold a customer of theirs.
    """

    hashes: DataFrame
    salt: bytes
    unfinished: tuple[str, ...] = ()

    def left_out(self, rows: DataFrame, user_id: Column) -> DataFrame:
        """The rows but those of erased customers; rows of nobody stay.

        They are few: they go to the rows, and the rows through no exchange.
        """
        is_same = salted_hash(user_id, self.salt) == F.col(HASH)
        return rows.join(F.broadcast(self.hashes), is_same, "left_anti")

    def found_among(self, ids: DataFrame) -> DataFrame:
        """One row per id of an erased customer that a column of ids, the only one, still holds."""
        [name] = ids.columns
        is_same = salted_hash(F.col(name), self.salt) == F.col(HASH)
        return ids.distinct().join(F.broadcast(self.hashes), is_same, "left_semi")
