"""Scales: ordered cut-offs that turn a measure into a score or a label."""

from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from typing_extensions import Self

from customer_mart.settings.names import Label

Score = Annotated[int, Field(ge=1, le=5)]
LOWEST_SCORE, HIGHEST_SCORE = 1, 5


class Model(BaseModel):
    """A group of settings: typed, frozen, and closed to unknown names."""

    # What was found is told by the one sentence of load_settings, which knows what to keep back.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _without_nulls(cutoffs: Any) -> Any:
    """Cut-offs without those that a configuration took away by setting them to null."""
    if isinstance(cutoffs, dict):
        return {score: value for score, value in cutoffs.items() if value is not None}
    return cutoffs


class AtLeastScale(Model):
    """Scores by lower bounds: the highest score whose bound the measure reaches."""

    at_least: dict[Score, Decimal]
    otherwise: Score = LOWEST_SCORE

    _drop_nulls = field_validator("at_least", mode="before")(_without_nulls)

    @model_validator(mode="after")
    def _is_monotonic(self) -> Self:
        _check_order(self.at_least, self.otherwise, rising=True)
        return self


class AtMostScale(Model):
    """Scores by upper bounds: the highest score whose bound the measure does not exceed."""

    at_most: dict[Score, Decimal]
    otherwise: Score = LOWEST_SCORE

    _drop_nulls = field_validator("at_most", mode="before")(_without_nulls)

    @model_validator(mode="after")
    def _is_monotonic(self) -> Self:
        _check_order(self.at_most, self.otherwise, rising=False)
        return self


class QuickConversionScale(AtMostScale):
    """Scores by days to the first purchase; who never purchased may score 0."""

    never_purchased_score: Annotated[int, Field(ge=0, le=5)] = LOWEST_SCORE


class LabelBand(Model):
    """A label for measures at or above a bound."""

    at_least: Decimal
    label: Label


class LabelScale(Model):
    """Labels by lower bounds: the first band whose bound the measure reaches."""

    bands: tuple[LabelBand, ...]
    otherwise: Label

    @property
    def labels(self) -> list[str]:
        return [*(band.label for band in self.bands), self.otherwise]

    @model_validator(mode="after")
    def _is_monotonic(self) -> Self:
        check_falling([band.at_least for band in self.bands])
        return self


def _check_order(cutoffs: dict[int, Decimal], otherwise: int, *, rising: bool) -> None:
    """Refuses cut-offs that do not rise (or fall) strictly with the score.

    Raises:
        ValueError: if they do not, or if the score of all others is not the lowest.
    """
    by_score = [cutoffs[score] for score in sorted(cutoffs)]
    values = by_score if rising else by_score[::-1]
    if any(low >= high for low, high in pairwise(values)):
        direction = "rise" if rising else "fall"
        raise ValueError(f"cut-offs must {direction} strictly as the score rises")
    if cutoffs and otherwise >= min(cutoffs):
        raise ValueError("the score of all others must be lower than every score with a cut-off")


def check_falling(bounds: list[Decimal]) -> None:
    """Refuses bands that are not listed from the highest bound to the lowest.

    Raises:
        ValueError: if they are not.
    """
    if any(high <= low for high, low in pairwise(bounds)):
        raise ValueError("bands must be listed from the highest cut-off to the lowest")
