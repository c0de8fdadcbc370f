"""Merchants for calls that are refused, and so leave nothing behind."""

import pytest

from tests.stories.gateway import Gateway, Merchant


@pytest.fixture(scope="session")
def regular(gateway: Gateway) -> Merchant:
    """A merchant with nothing special about him."""
    return gateway.merchant(name="Regular")
