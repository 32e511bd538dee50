"""One row per customer: behaviour, scores, prediction, tiers."""
