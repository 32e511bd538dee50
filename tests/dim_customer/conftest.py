"""Both methods of grouping the rows of one user: what they make of them is the same."""

import pytest

from customer_mart.staging.user_key import QUICK, SURE, Method


@pytest.fixture(params=[QUICK, SURE], ids=["by hash", "by id"])
def method(request: pytest.FixtureRequest) -> Method:
    chosen: Method = request.param
    return chosen
