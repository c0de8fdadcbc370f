import os
from collections.abc import AsyncIterator

import pytest

from nonstopay.connectors.http import ProviderHttp
from tests.connectors.cards.laboratories import CONNECTORS, LABORATORIES
from tests.connectors.cards.laboratory import CardLaboratory

# Against the providers' own test environments, and so only there where somebody gave their keys.
collect_ignore = (
    [] if any(name.startswith("CARD_TEST_") for name in os.environ) else ["test_live.py"]
)


@pytest.fixture(params=CONNECTORS)
async def lab(request: pytest.FixtureRequest, http: ProviderHttp) -> AsyncIterator[CardLaboratory]:
    """Each card connector in turn, with a provider that can be made to do anything."""
    async with LABORATORIES[request.param](http) as laboratory:
        yield laboratory
