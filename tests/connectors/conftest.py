from collections.abc import AsyncIterator

import pytest

from nonstopay.connectors.http import ProviderHttp
from nonstopay.store.db import Database
from tests.connectors.upi_laboratory import CONNECTORS, LABORATORIES, Laboratory


@pytest.fixture
async def http() -> AsyncIterator[ProviderHttp]:
    """A patient caller of providers."""
    async with ProviderHttp() as caller:
        yield caller


@pytest.fixture
async def hasty_http() -> AsyncIterator[ProviderHttp]:
    """One that gives up at once, for providers that hang."""
    async with ProviderHttp(limit_seconds=0.5) as caller:
        yield caller


@pytest.fixture(params=CONNECTORS)
async def lab(
    request: pytest.FixtureRequest, database: Database, http: ProviderHttp
) -> AsyncIterator[Laboratory]:
    """Each UPI connector in turn, with a provider that can be made to do anything."""
    async with LABORATORIES[request.param](database, http) as laboratory:
        yield laboratory
