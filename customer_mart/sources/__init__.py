"""The only reader: formats, column mapping, lossless types."""

from customer_mart.sources.read import AS_READ, SourceTable, open_source

__all__ = ["AS_READ", "SourceTable", "open_source"]
