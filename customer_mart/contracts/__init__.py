"""The contracts: one Open Data Contract Standard file per table, and what reads them."""

from customer_mart.contracts.contract import (
    MART_TABLES,
    OPTIONAL_STAGING_TABLES,
    RUN_CLAIMS,
    STAGING_TABLES,
    Contract,
    ContractColumn,
    Rule,
    contract,
)

__all__ = [
    "MART_TABLES",
    "OPTIONAL_STAGING_TABLES",
    "RUN_CLAIMS",
    "STAGING_TABLES",
    "Contract",
    "ContractColumn",
    "Rule",
    "contract",
]
