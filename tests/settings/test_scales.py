from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from customer_mart.settings import AtLeastScale, AtMostScale, LabelScale, QuickConversionScale


def test_scores_by_lower_bounds_rise_with_them() -> None:
    scale = AtLeastScale.model_validate({"at_least": {5: 5, 4: "3", 2: 0.5}})
    assert scale.at_least == {5: Decimal(5), 4: Decimal(3), 2: Decimal("0.5")}
    assert scale.otherwise == 1


@pytest.mark.parametrize("at_least", [{5: 3, 4: 3}, {5: 1, 4: 3}, {5: 9, 4: 1, 3: 2}])
def test_lower_bounds_that_do_not_rise_strictly_are_refused(at_least: dict[int, int]) -> None:
    with pytest.raises(ValidationError, match="must rise strictly as the score rises"):
        AtLeastScale.model_validate({"at_least": at_least})


@pytest.mark.parametrize("at_most", [{5: 7, 4: 7}, {5: 30, 4: 7}, {5: 1, 4: 9, 3: 8}])
def test_upper_bounds_that_do_not_fall_strictly_are_refused(at_most: dict[int, int]) -> None:
    with pytest.raises(ValidationError, match="must fall strictly as the score rises"):
        AtMostScale.model_validate({"at_most": at_most})


@pytest.mark.parametrize("otherwise", [2, 3])
def test_the_score_of_all_others_is_below_every_other(otherwise: int) -> None:
    with pytest.raises(ValidationError, match="must be lower than every score with a cut-off"):
        AtLeastScale.model_validate({"at_least": {5: 5, 2: 1}, "otherwise": otherwise})


@pytest.mark.parametrize("scale", [{"at_least": {0: 5}}, {"at_least": {6: 5}}])
def test_a_score_outside_1_to_5_is_refused(scale: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AtLeastScale.model_validate(scale)


@pytest.mark.parametrize("otherwise", [0, 6])
def test_a_score_of_all_others_outside_1_to_5_is_refused(otherwise: int) -> None:
    with pytest.raises(ValidationError):
        AtMostScale.model_validate({"at_most": {5: 1}, "otherwise": otherwise})


def test_a_cutoff_of_null_is_taken_away() -> None:
    assert AtLeastScale.model_validate({"at_least": {5: 5, 4: None}}).at_least == {5: Decimal(5)}
    assert AtMostScale.model_validate({"at_most": {5: None, 4: 3}}).at_most == {4: Decimal(3)}


@pytest.mark.parametrize("cutoff", [float("nan"), float("inf"), "many", [5]])
def test_a_cutoff_that_is_no_finite_number_is_refused(cutoff: object) -> None:
    with pytest.raises(ValidationError):
        AtLeastScale.model_validate({"at_least": {5: cutoff}})


def test_who_never_purchased_may_score_0_and_nobody_less() -> None:
    legacy = QuickConversionScale.model_validate({"at_most": {5: 1}, "never_purchased_score": 0})
    assert legacy.never_purchased_score == 0
    for score in (-1, 6):
        with pytest.raises(ValidationError):
            QuickConversionScale.model_validate({"at_most": {}, "never_purchased_score": score})


def test_labels_are_listed_from_the_highest_band_to_the_rest() -> None:
    bands = [{"at_least": 10, "label": "High"}, {"at_least": 1, "label": "Low"}]
    scale = LabelScale.model_validate({"bands": bands, "otherwise": "None"})
    assert scale.labels == ["High", "Low", "None"]


@pytest.mark.parametrize("bounds", [(1, 10), (10, 10)])
def test_bands_that_are_not_listed_from_the_highest_are_refused(bounds: tuple[int, int]) -> None:
    bands = [{"at_least": bound, "label": f"from {bound}"} for bound in bounds]
    with pytest.raises(ValidationError, match="from the highest cut-off to the lowest"):
        LabelScale.model_validate({"bands": bands, "otherwise": "None"})


def test_an_empty_label_is_refused() -> None:
    with pytest.raises(ValidationError):
        LabelScale.model_validate({"bands": [{"at_least": 1, "label": ""}], "otherwise": "None"})
    with pytest.raises(ValidationError):
        LabelScale.model_validate({"bands": [], "otherwise": ""})


def test_a_scale_cannot_be_changed_once_it_is_there() -> None:
    scale = AtLeastScale.model_validate({"at_least": {5: 5}})
    with pytest.raises(ValidationError, match="frozen"):
        scale.otherwise = 2
