"""All settings of the mart, typed and validated once, at the edge."""

import hashlib
import json
from datetime import datetime, timezone
from decimal import Decimal
from functools import cache
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from customer_mart.contracts import STAGING_TABLES, contract
from customer_mart.identifiers import sql_string
from customer_mart.settings.expected import shown_name
from customer_mart.settings.names import (
    ColumnName,
    Label,
    Place,
    Principal,
    ReaderOptions,
    SchemaName,
    TableName,
    Variable,
)
from customer_mart.settings.scales import LabelBand, LabelScale, Model
from customer_mart.settings.scoring import Scoring


def _known_zone(name: str) -> str:
    """The zone's name, if this Python and so the engine know it.

    Listed zones alone: Python also opens files beside them, such as `posix/Europe/Paris`, which
    the engine does not know and would refuse in the middle of a run.

    Raises:
        ValueError: if it is not a zone of the time zone database.
    """
    if name not in _zones():
        raise ValueError(f"{name!r} is not a time zone such as Europe/Paris or UTC")
    return name


@cache
def _zones() -> frozenset[str]:
    """Zones of both; Python opens some six hundred files to list its own."""
    return frozenset(available_timezones() - NOT_IN_JAVA)


def _instant(value: datetime) -> datetime:
    """The instant in UTC; one without an offset is taken as UTC.

    Raises:
        ValueError: if in UTC it is before the year 1 or after 9999.
    """
    if value.tzinfo is None:
        return value.replace(tzinfo=timezone.utc)
    try:
        return value.astimezone(timezone.utc)
    except OverflowError as beyond:
        raise ValueError("in UTC the year has to be from 1 to 9999") from beyond


# In Python's list and not in Java's: two that are no places, and one that Java leaves out.
NOT_IN_JAVA = {"Factory", "localtime", "ROC"}
# Groups that no row depends on.
NO_MEANING = {"mart", "publish", "maintenance", "erasure", "status"}
TimeZone = Annotated[str, AfterValidator(_known_zone)]
Instant = Annotated[datetime, AfterValidator(_instant)]


class Source(Model):
    """Where one staging table is, what its columns are called, and whether its key is unique."""

    path: Place | None = None
    table: TableName | None = None
    format: Literal["auto", "delta", "parquet", "csv"] = "auto"
    columns: dict[str, ColumnName] = Field(default_factory=dict)
    options: ReaderOptions = Field(default_factory=dict)
    unique: bool = False

    @model_validator(mode="after")
    def _is_in_one_place(self) -> Self:
        if self.path and self.table:
            raise ValueError("give a path or a table, not both")
        return self


class Sources(Model):
    """The staging tables; `location` is a folder that holds them all, `schema` a catalog's."""

    location: Place | None = None
    catalog_schema: SchemaName | None = Field(default=None, alias="schema")
    time_zone: TimeZone = "UTC"
    stg_signups: Source = Source()
    stg_deposits: Source = Source()
    stg_ticket_purchases: Source = Source()
    stg_web_events: Source = Source()
    stg_games: Source = Source()
    stg_funnel_spend: Source = Source()

    def source(self, table: str) -> Source:
        """The settings of a staging table, its place filled in from the common one."""
        source: Source = getattr(self, table)
        if source.path or source.table:
            return source
        if self.catalog_schema:
            return source.model_copy(update={"table": f"{self.catalog_schema}.{table}"})
        if self.location:
            return source.model_copy(update={"path": f"{self.location.rstrip('/')}/{table}"})
        return source

    @model_validator(mode="after")
    def _is_in_one_place(self) -> Self:
        if self.location and self.catalog_schema:
            raise ValueError("give a location or a schema, not both")
        return self

    @model_validator(mode="after")
    def _maps_known_columns(self) -> Self:
        for table in STAGING_TABLES:
            source: Source = getattr(self, table)
            unknown = sorted(set(source.columns) - set(contract(table).column_names))
            if unknown:
                raise ValueError(f"{table} has no column {shown_name(unknown[0])} to map")
        return self


class Mart(Model):
    """Where the mart's tables are: a folder or URI, or a schema of a catalog."""

    location: Place | None = None
    catalog_schema: SchemaName | None = Field(default=None, alias="schema")
    staging: Place | None = None
    wait_seconds: Annotated[int, Field(ge=0)] = 0
    lease_seconds: Annotated[int, Field(ge=4)] | None = None

    @model_validator(mode="after")
    def _is_in_one_place(self) -> Self:
        if self.location and self.catalog_schema:
            raise ValueError("give a location or a schema, not both")
        return self


class Quality(Model):
    """What a source may get wrong before a run fails."""

    earliest_timestamp: Instant = datetime(1990, 1, 1, tzinfo=timezone.utc)
    max_quarantined_fraction: Annotated[Decimal, Field(ge=0, le=1)] = Decimal("0.01")
    purchase_before_signup: Literal["warn", "fail"] = "warn"
    allow_emptied_sources: bool = False


class PlayerTypes(Model):
    """Labels of player_type."""

    high_jackpot: Label = "High Jackpot Player"
    regular: Label = "Regular Player"

    @property
    def labels(self) -> list[str]:
        return [self.high_jackpot, self.regular]


class Publish(Model):
    """How tables are written, and when they are rebuilt; no row depends on it."""

    max_records_per_file: Annotated[int, Field(gt=0)] = 1_000_000
    max_touched_fraction: Annotated[Decimal, Field(ge=0, le=1)] = Decimal("0.2")
    view: bool = True
    view_readers: tuple[Principal, ...] = ()


# Maintenance comes once a day at the most.
SHORTEST_WITH_LAST_RUN = 24


class Maintenance(Model):
    """How small files and old versions are cleared away."""

    max_files_per_partition: Annotated[int, Field(gt=0)] = 4
    retention_hours: Annotated[int, Field(ge=0)] = 168
    keep_last_run: bool = True

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.keep_last_run and self.retention_hours < SHORTEST_WITH_LAST_RUN:
            raise ValueError(
                f"retention_hours below {SHORTEST_WITH_LAST_RUN} needs keep_last_run: false, for "
                "no file is deleted while the last successful run is older than that"
            )
        return self


class Status(Model):
    """What `customer-mart status` finds healthy."""

    max_age_hours: Annotated[int, Field(gt=0)] = 36


class Erasure(Model):
    """How customers are erased; no row of anybody else depends on it."""

    salt_env: Variable | None = None


class Settings(Model):
    """Every setting of a run, with the specification's defaults."""

    business_time_zone: TimeZone = "UTC"
    # A BIGINT, as the jackpots are that it is compared with.
    high_jackpot_threshold_minor: Annotated[int, Field(ge=0, lt=2**63)] = 1_000_000
    sources: Sources = Sources()
    mart: Mart = Mart()
    quality: Quality = Quality()
    customer_segments: LabelScale = LabelScale(
        bands=(
            LabelBand(at_least=Decimal(10), label="High Value"),
            LabelBand(at_least=Decimal(3), label="Medium Value"),
            LabelBand(at_least=Decimal(1), label="Low Value"),
        ),
        otherwise="No Purchase",
    )
    player_types: PlayerTypes = PlayerTypes()
    scoring: Scoring = Scoring()
    publish: Publish = Publish()
    maintenance: Maintenance = Maintenance()
    erasure: Erasure = Erasure()
    status: Status = Status()

    @property
    def hash(self) -> str:
        """SHA-256 of the settings that change a row or let it pass; not of places or files."""
        meaning = self.model_dump(by_alias=True, exclude=NO_MEANING)
        # Judged on touched customers alone, so that a change of it asks for a rebuild.
        asked = ("earliest_timestamp", "purchase_before_signup")
        meaning["quality"] = {name: meaning["quality"][name] for name in asked}
        for name, source in meaning["sources"].items():
            if isinstance(source, dict):
                meaning["sources"][name] = {key: source[key] for key in ("columns", "unique")}
        meaning["sources"].pop("location")
        meaning["sources"].pop("schema")
        text = json.dumps(meaning, sort_keys=True, default=_one_text)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def rule_values(self) -> dict[str, str]:
        """SQL literals for the placeholders in the contracts' rules."""
        earliest = self.quality.earliest_timestamp.isoformat(sep=" ")
        return {
            "earliest_timestamp": f"TIMESTAMP'{earliest}'",
            "customer_segments": _sql_strings(self.customer_segments.labels),
            "player_types": _sql_strings(self.player_types.labels),
            "vip_tiers": _sql_strings(self.scoring.vip_tiers.labels),
            "promotion_categories": _sql_strings(self.scoring.promotion.labels),
        }


def _one_text(value: Decimal | datetime) -> str:
    """The same text for equal values, such as the cut-offs 0.5 and 0.50."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value.isoformat()


def _sql_strings(labels: list[str]) -> str:
    """Labels as a list of SQL string literals."""
    return ", ".join(sql_string(label) for label in labels)
