"""The ratios as a picture: each as a share of its target, so that all fit one axis."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

MET, MISSED = "#2e7d5b", "#b3412e"


@dataclass(frozen=True)
class Bar:
    """A ratio to draw; median, lowest and highest are shares of the target."""

    label: str
    text: str
    median: float
    lowest: float
    highest: float


def bars(scenarios: Mapping[str, Mapping[str, Any]]) -> Iterator[Bar]:
    """The ratios that have a target and were measured, of scenarios as JSON holds them."""
    for scenario in scenarios.values():
        for ratio in scenario["ratios"]:
            target, measured = ratio["target"], ratio["measured"]
            if not measured or target["at_most"] is None:
                continue
            at_most = target["at_most"]
            suffix = "" if scenario["scale"] == 1 else f" (scale {scenario['scale']:g})"
            yield Bar(
                label=f"{target['name']}{suffix}",
                text=f"{measured['median']:.2f} (target {at_most:g})",
                median=measured["median"] / at_most,
                lowest=measured["lowest"] / at_most,
                highest=measured["highest"] / at_most,
            )


def draw_ratios(scenarios: Mapping[str, Mapping[str, Any]], file: Path) -> None:
    """An SVG with a bar per ratio, its spread, and the line that no bar should cross."""
    drawn = list(bars(scenarios))
    # The same ratios give the same file, byte for byte.
    with rc_context({"svg.hashsalt": "customer-mart", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 1.4 + 0.55 * len(drawn)), layout="constrained")
        axes = figure.add_subplot()
        places = range(len(drawn))
        axes.barh(
            places,
            [bar.median for bar in drawn],
            xerr=[
                [bar.median - bar.lowest for bar in drawn],
                [bar.highest - bar.median for bar in drawn],
            ],
            color=[MET if bar.median <= 1 else MISSED for bar in drawn],
            height=0.55,
            capsize=3,
        )
        for place, bar in zip(places, drawn, strict=True):
            axes.text(max(bar.highest, 1) + 0.03, place, bar.text, va="center")
        axes.axvline(1, color="black", linestyle="--", linewidth=1)
        axes.set_yticks(list(places), [bar.label for bar in drawn])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.45 * max([1.0, *(bar.highest for bar in drawn)]))
        axes.set_xlabel("median ratio as a share of its target, with the lowest and the highest")
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(file, format="svg", metadata={"Date": None})
