"""Typed settings: read once at the edge, handed on as plain values."""

from customer_mart.settings.load import load_settings
from customer_mart.settings.scales import (
    AtLeastScale,
    AtMostScale,
    LabelScale,
    QuickConversionScale,
)
from customer_mart.settings.scoring import PredictionBand, Promotion, Risk, Scoring, Weights
from customer_mart.settings.settings import Settings, Source, Sources

__all__ = [
    "AtLeastScale",
    "AtMostScale",
    "LabelScale",
    "PredictionBand",
    "Promotion",
    "QuickConversionScale",
    "Risk",
    "Scoring",
    "Settings",
    "Source",
    "Sources",
    "Weights",
    "load_settings",
]
