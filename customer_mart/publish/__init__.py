"""The only writer: tables from contracts, checks, one commit per table, the run record."""
