"""One row per customer: an aggregate a file, joined in dim_customer.py."""
