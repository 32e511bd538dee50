"""The table customer_tier_changes: who moved between two publications of the scores."""
