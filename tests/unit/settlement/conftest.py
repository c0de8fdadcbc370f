import pytest

from nonstopay.store.db import Database
from tests.unit.settlement.treasury import Treasury, open_treasury


@pytest.fixture
async def treasury(database: Database) -> Treasury:
    return await open_treasury(database)
