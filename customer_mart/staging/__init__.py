"""Staging rows: typed, keyed, used or set aside with a reason, and reconciled."""
