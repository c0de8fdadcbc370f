"""A shop whose server listens, and workers that are wide awake."""

from collections.abc import AsyncIterator

import pytest

from nonstopay.business.webhooks import deliver
from nonstopay.store.db import Database
from tests.unit.webhooks.hook import Hook, Shop, listening, open_shop


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with listening(Hook()) as hook:
        yield hook


@pytest.fixture
async def shop(database: Database, hook: Hook) -> Shop:
    shop = await open_shop(database)
    await shop.listens_at(hook.url)
    return shop


@pytest.fixture(autouse=True)
def wakeful_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers look around often, so that nobody waits a second for each retry."""
    monkeypatch.setattr(deliver, "_LOOK_AROUND_SECONDS", 0.05)
