"""A shop whose server listens, and a clock that is put right again."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from nonstopay import clock
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
def patient_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workers look around often, and whoever moves the clock leaves it as it was."""
    monkeypatch.setattr(deliver, "_LOOK_AROUND_SECONDS", 0.05)
    yield
    clock.move_to_offset(timedelta(0))
