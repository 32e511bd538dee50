"""Checks on a table's rows before they are published."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from customer_mart.contracts import Contract


@dataclass(frozen=True)
class Check:
    """One check: what was found and what was expected."""

    name: str
    passed: bool
    found: str
    expected: str


def contract_checks(
    rows: DataFrame,
    table: Contract,
    rule_values: dict[str, str],
    totals: Mapping[str, int | Decimal],
) -> list[Check]:
    """NOT NULL, every rule of the contract, the number of rows and the totals; one pass.

    totals: by column, the sum that the sources say; `rows` stands for the number of rows.
    """
    violations = _violations(table, rule_values)
    sums = {name: _total(name) for name in totals}
    measured = rows.agg(
        *(F.count_if(broken).alias(name) for name, broken in violations.items()),
        *(total.alias(f"total:{name}") for name, total in sums.items()),
    ).first()
    if measured is None:  # pragma: no cover - an aggregate without grouping has a row
        raise LookupError(f"No measures of {table.name}")
    found = measured.asDict()
    return [
        *(_check(f"{table.name}.{name}", found[name], 0) for name in violations),
        *(
            _check(f"{table.name}.total.{name}", found[f"total:{name}"] or 0, expected)
            for name, expected in totals.items()
        ),
    ]


def key_checks(rows: DataFrame, table: Contract, parents: DataFrame, parent: str) -> list[Check]:
    """Every key once, and every key among the parent's keys.

    rows and parents are grouped by the key first, so each side has one row per key.
    """
    key = table.key
    counted = rows.groupBy(*key).agg(F.count(F.lit(1)).alias("copies"))
    known = parents.groupBy(*key).agg(F.lit(True).alias("is_known"))
    measured = (
        counted.join(known, on=key, how="left")
        .agg(
            F.count_if(F.col("copies") > 1).alias("repeated"),
            F.count_if(F.col("is_known").isNull()).alias("strangers"),
        )
        .first()
    )
    repeated, strangers = (measured["repeated"], measured["strangers"]) if measured else (0, 0)
    return [
        _check(f"{table.name}.unique.{'_'.join(key)}", repeated, 0),
        _check(f"{table.name}.{'_'.join(key)}_in_{parent}", strangers, 0),
    ]


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
