from collections.abc import AsyncIterator

import pytest

from nonstopay.connectors.http import ProviderHttp


@pytest.fixture
async def http() -> AsyncIterator[ProviderHttp]:
    """A patient caller of providers."""
    async with ProviderHttp() as caller:
        yield caller
