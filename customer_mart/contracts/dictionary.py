"""The data dictionary in Markdown, written from the contracts alone."""

from collections.abc import Iterator

from customer_mart.contracts.contract import (
    MART_TABLES,
    RUN_CLAIMS,
    STAGING_TABLES,
    Contract,
    contract,
)

HEADER = """\
# Data dictionary

Written from the contracts under `customer_mart/contracts/` by `scripts/data_dictionary.py`;
change them, not this page.
"""


def data_dictionary() -> str:
    """The whole page: the mart's tables, then the staging tables it reads."""
    parts = [HEADER, "## What the mart publishes\n"]
    parts += [_table(contract(name)) for name in (*MART_TABLES, RUN_CLAIMS)]
    parts.append("## What the mart reads\n")
    parts += [_table(contract(name)) for name in STAGING_TABLES]
    return "\n".join(parts)


def _table(table: Contract) -> str:
    partition = ", ".join(f"`{name}`" for name in table.partition_columns)
    lines = [f"### {table.name}\n", f"{table.description} {table.purpose}\n"]
    lines.append(f"Grain: {table.grain}.{f' Partitioned by {partition}.' if partition else ''}\n")
    lines += ["| column | type | NULL | what it holds |", "|---|---|---|---|"]
    lines += list(_rows(table))
    rules = [f"- `{rule.name}` ({rule.engine}): `{rule.condition}`" for rule in table.rules]
    if rules:
        lines += ["\nRules:\n", *rules]
    return "\n".join(lines) + "\n"


def _rows(table: Contract) -> Iterator[str]:
    for column in table.columns:
        name = f"**{column.name}**" if column.key else column.name
        nullable = "never" if column.required else "allowed"
        yield f"| {name} | `{column.type}` | {nullable} | {column.description} |"
