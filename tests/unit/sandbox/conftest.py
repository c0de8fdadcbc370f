from collections.abc import AsyncIterator

import pytest

from nonstopay.connectors.http import ProviderHttp
from nonstopay.store.db import Database
from tests.connectors.sandbox_laboratory import SandboxLaboratory, sandbox_laboratory


@pytest.fixture
async def lab(database: Database) -> AsyncIterator[SandboxLaboratory]:
    """The sandbox on a real server."""
    async with ProviderHttp() as http, sandbox_laboratory(database, http) as laboratory:
        yield laboratory
