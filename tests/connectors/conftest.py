from collections.abc import AsyncIterator

import pytest

from nonstopay.connectors.http import ProviderHttp


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
