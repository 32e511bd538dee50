"""Checks on a table's rows before they are published."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pyspark.sql import Column, DataFrame, GroupedData
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from customer_mart.contracts import Contract

COPIES, REPEATED, CHECKSUM = "copies", "repeated", "checksum"
# How the engine's error begins for a row that breaks the contract of its table.
BREACH = "a row breaks "
BROKEN = re.compile(re.escape(BREACH) + r"(\w+\.[\w.]*\w)")


@dataclass(frozen=True)
class Check:
    """One check: what was found and what was expected."""

    name: str
    passed: bool
    found: str
    expected: str

    def failure(self, outcome: str) -> str:
        """What is said when it did not pass; outcome: what that leaves behind."""
        return f"Check {self.name} failed: found {self.found}, expected {self.expected}; {outcome}"


def contract_measures(
    table: Contract, rule_values: dict[str, str], totals: Iterable[str]
) -> list[Column]:
    """Over rows of the table: what breaks NOT NULL or a rule, and the sums of columns.

    totals: columns; `rows` stands for the number of rows.
    """
    violations = _violations(table, rule_values)
    return [
        *(F.count_if(broken).alias(name) for name, broken in violations.items()),
        *total_measures(totals),
    ]


def without_breaches(rows: DataFrame, table: Contract, rule_values: dict[str, str]) -> DataFrame:
    """The same rows of the table; the job that reads them fails at one that breaks its contract.

    So rows are checked by the job that writes them, before it commits.
    """
    breach = F.coalesce(
        *(
            F.when(broken, F.lit(f"{table.name}.{name}"))
            for name, broken in _violations(table, rule_values).items()
        )
    )
    told = F.concat(F.lit(BREACH), breach)
    key = table.key[0]
    kept = F.when(breach.isNull(), F.col(key)).otherwise(F.raise_error(told))
    return rows.select(*(kept.alias(name) if name == key else name for name in rows.columns))


def breached(told: str) -> Check | None:
    """The check that a row broke by all that is told of a job's error; None if none did."""
    found = BROKEN.search(told)
    return (
        Check(found[1], passed=False, found="a row that breaks it", expected="none")
        if found
        else None
    )


def total_measures(totals: Iterable[str]) -> list[Column]:
    """The sums of columns; `rows` stands for the number of rows."""
    return [_total(name).alias(f"total:{name}") for name in totals]


def contract_checks(
    table: Contract,
    rule_values: dict[str, str],
    found: Mapping[str, Any],
    totals: Mapping[str, int | Decimal],
) -> list[Check]:
    """NOT NULL, every rule of the contract, the number of rows and the totals.

    found: what contract_measures measured. totals: by column, the sum that the sources say.
    """
    return [
        *(
            _check(f"{table.name}.{name}", found.get(name) or 0, 0)
            for name in _violations(table, rule_values)
        ),
        *(
            _check(f"{table.name}.total.{name}", found.get(f"total:{name}") or 0, expected)
            for name, expected in totals.items()
        ),
    ]


def with_copies(rows: DataFrame, key: Iterable[str]) -> DataFrame:
    """The same rows, each with how many there are of its key.

    Rows that were joined by their key lie in its order already: counting them then takes neither
    an exchange nor a sort. (To number them would: Spark takes an order by the key, within the key,
    for one of two columns.)
    """
    return rows.withColumn(COPIES, F.count(F.lit(1)).over(Window.partitionBy(*key)))


def shared_keys(rows: DataFrame, key: Iterable[str]) -> int:
    """How many rows share their key, by an exchange of the keys' hashes alone.

    Keys that share a hash are compared by themselves, in a second pass: there are hardly ever any.
    """
    by_hash = F.xxhash64(*key)
    if not _shared(rows.groupBy(by_hash)):
        return 0
    return _shared(rows.groupBy(*key))


def _shared(grouped: GroupedData) -> int:
    """How many rows are in groups of several."""
    shared = grouped.count().where("count > 1")
    return int(shared.agg(F.coalesce(F.sum("count"), F.lit(0))).collect()[0][0])


def key_measures(table: Contract) -> list[Column]:
    """Over rows with copies: how many share their key, and the checksum of the keys."""
    return [F.count_if(F.col(COPIES) > 1).alias(REPEATED), key_checksum(table)]


def key_checksum(table: Contract) -> Column:
    """The sum of the keys' 64-bit hashes, 0 without rows.

    Of two sets of equally many keys it is the same only if the sets are, but for a chance of one
    in 2^64.
    """
    hashes = F.xxhash64(*table.key).cast("decimal(20,0)")
    return F.coalesce(F.sum(hashes), F.lit(0)).cast("decimal(38,0)").alias(CHECKSUM)


def key_checks(
    table: Contract, found: Mapping[str, Any], parent: str, parent_checksum: Decimal
) -> list[Check]:
    """Every key once, and the keys those of the parent; found is what key_measures measured."""
    return [
        unique_check(table, found.get(REPEATED) or 0),
        parent_check(table, found, parent, parent_checksum),
    ]


def unique_check(table: Contract, repeated: int) -> Check:
    """Every key once; repeated is the number of rows that share theirs."""
    return _check(f"{table.name}.unique.{'_'.join(table.key)}", repeated, 0)


def parent_check(
    table: Contract, found: Mapping[str, Any], parent: str, parent_checksum: Decimal
) -> Check:
    """The keys are those of the parent, by what key_checksum measured of both.

    The checksums stay out of the record: that of one customer is the hash of an id, and so is the
    difference of two runs', by which an erased customer could be told.
    """
    name = f"{table.name}.{'_'.join(table.key)}_in_{parent}"
    is_same, expected = (found.get(CHECKSUM) or 0) == parent_checksum, f"those of {parent}"
    return Check(name, is_same, expected if is_same else "others", expected)


def _violations(table: Contract, rule_values: dict[str, str]) -> dict[str, Column]:
    """By check, the condition of a row that breaks it; a rule that is NULL is broken."""
    nulls = {
        f"not_null.{column.name}": F.col(column.name).isNull()
        for column in table.columns
        if column.required
    }
    rules = {
        rule.name: ~F.coalesce(F.expr(rule.sql(rule_values)), F.lit(False))
        for rule in table.rules_of("delta", "check")
    }
    return {**nulls, **rules}


def _total(name: str) -> Column:
    return F.count(F.lit(1)) if name == "rows" else F.sum(F.col(name).cast("decimal(30,2)"))


def _check(name: str, found: int | Decimal, expected: int | Decimal) -> Check:
    return Check(name, found == expected, str(found), str(expected))
