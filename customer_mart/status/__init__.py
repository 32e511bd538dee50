"""The health of a mart: what its tables and run records say, and what to do next."""
