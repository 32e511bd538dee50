"""Erasure of customers: the ledger of whom, and their removal from every table of the mart."""
