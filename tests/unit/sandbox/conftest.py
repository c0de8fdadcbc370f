from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from nonstopay import clock
from nonstopay.connectors.http import ProviderHttp
from nonstopay.store.db import Database
from tests.connectors.upi_laboratory import Laboratory, sandbox_laboratory


@pytest.fixture(autouse=True)
def clock_put_back() -> Iterator[None]:
    """What a test did to time ends with it."""
    yield
    clock.move_to_offset(timedelta(0))


@pytest.fixture
async def lab(database: Database) -> AsyncIterator[Laboratory]:
    """The sandbox on a real server."""
    async with ProviderHttp() as http, sandbox_laboratory(database, http) as laboratory:
        yield laboratory
