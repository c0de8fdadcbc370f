import pytest

from nonstopay.store.db import Database
from tests.unit.payments.counter import Counter, open_counter


@pytest.fixture
async def counter(database: Database) -> Counter:
    return await open_counter(database)
