"""Incremental runs: when they are safe, whom they touch, and the sources cut down to those."""
