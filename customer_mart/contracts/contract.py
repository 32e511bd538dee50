"""One contract per table, read from the Open Data Contract Standard file named after it."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from string import Template

from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject

STAGING_TABLES = (
    "stg_signups",
    "stg_deposits",
    "stg_ticket_purchases",
    "stg_web_events",
    "stg_games",
    "stg_funnel_spend",
)
OPTIONAL_STAGING_TABLES = ("stg_funnel_spend",)
MART_TABLES = (
    "dim_customer",
    "customer_ltv_scoring",
    "customer_tier_changes",
    "quarantine",
    "mart_runs",
    "erased_customers",
)
# No table of what the mart publishes, but one beside them: who may publish.
RUN_CLAIMS = "run_claims"


@dataclass(frozen=True)
class ContractColumn:
    """One column: its Spark SQL type, whether NULL is refused, and what it holds."""

    name: str
    type: str
    required: bool
    description: str
    key: bool
    unique: bool
    partition: bool
    tags: frozenset[str]


@dataclass(frozen=True)
class Rule:
    """A named condition in Spark SQL; `${name}` stands for a value from the settings.

    The engine says who applies it: `quarantine` sets a source row aside when it holds,
    `delta` is a CHECK constraint and a check before publication, `check` only the latter.
    """

    name: str
    engine: str
    condition: str

    def sql(self, values: dict[str, str]) -> str:
        """The condition with SQL literals in place of its placeholders.

        Raises:
            KeyError: if a placeholder has no value.
        """
        return Template(self.condition).substitute(values)


@dataclass(frozen=True)
class Contract:
    """The only statement of a table's schema; everything about its shape is read from here."""

    name: str
    purpose: str
    description: str
    grain: str
    columns: tuple[ContractColumn, ...]
    rules: tuple[Rule, ...]

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def key(self) -> list[str]:
        return [column.name for column in self.columns if column.key]

    @property
    def is_unique(self) -> bool:
        """Whether the key is unique by contract, so that a second row is an error."""
        return any(column.unique for column in self.columns)

    @property
    def has_user(self) -> bool:
        """Whether rows are somebody's."""
        return self.tagged("user") is not None

    @property
    def is_by_user(self) -> bool:
        """Whether the key says whose a row is, so that no two users share one."""
        return self.tagged("user") in self.key

    @property
    def partition_columns(self) -> list[str]:
        return [column.name for column in self.columns if column.partition]

    def tagged(self, tag: str) -> str | None:
        """The name of the one column that carries a tag, if there is one."""
        return next((column.name for column in self.columns if tag in column.tags), None)

    def rules_of(self, *engines: str) -> list[Rule]:
        return [rule for rule in self.rules if rule.engine in engines]

    @property
    def ddl(self) -> str:
        """The schema as Spark SQL, without constraints: `a string, b bigint`."""
        return ", ".join(f"{column.name} {column.type}" for column in self.columns)


@cache
def contract(table: str) -> Contract:
    """The contract of a staging or mart table.

    Raises:
        FileNotFoundError: if no contract has that name.
        ValueError: if it describes no table.
    """
    text = resources.files(__package__).joinpath(f"{table}.yml").read_text(encoding="utf-8")
    document = OpenDataContractStandard.from_string(text)
    if not document.schema_:
        raise ValueError(f"The contract {table}.yml describes no table")
    schema = document.schema_[0]
    purpose = document.description.purpose if document.description else None
    return Contract(
        name=table,
        purpose=purpose or "",
        description=schema.description or "",
        grain=schema.dataGranularityDescription or "",
        columns=_columns(schema),
        rules=_rules(schema),
    )


def _columns(schema: SchemaObject) -> tuple[ContractColumn, ...]:
    return tuple(
        ContractColumn(
            name=str(column.name),
            type=str(column.physicalType),
            required=bool(column.required),
            description=str(column.description),
            key=bool(column.primaryKey),
            unique=bool(column.unique),
            partition=bool(column.partitioned),
            tags=frozenset(column.tags or ()),
        )
        for column in schema.properties or ()
    )


def _rules(schema: SchemaObject) -> tuple[Rule, ...]:
    return tuple(
        Rule(str(rule.name), str(rule.engine), str(rule.implementation))
        for rule in schema.quality or ()
    )
