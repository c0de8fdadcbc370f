"""Figures for the operator, and forgetting what is old."""

import gzip
import json
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from nonstopay import clock
from nonstopay.business.webhooks.upkeep import forget
from nonstopay.business.webhooks.upkeep.figures import figures
from nonstopay.business.webhooks.upkeep.forget import forget_attempts
from nonstopay.business.webhooks.upkeep.tally import ATTEMPTS, WAITED_MS, WAITS
from nonstopay.store.db import Database
from tests.unit.webhooks.hook import Hook, Shop, delivering, status, until


async def test_the_figures_tell_what_waits_what_fails_and_what_was_received(
    shop: Shop, hook: Hook, database: Database
) -> None:
    async with delivering(database):
        for number in range(5):
            await shop.happens(number, "invoice:paid")
        await until(lambda: len(hook.requests) == 5)
    hook.answer = status(503)
    async with delivering(database):
        await shop.happens(9, "invoice:paid")
        await until(lambda: len(hook.requests) == 6)
    await shop.happens(10, "invoice:paid")

    found = await figures(database, clock.now() + timedelta(hours=1))

    assert (found.events, found.pending, found.dead) == (1, 1, 0)
    assert 3590 < found.oldest_seconds < 3700
    assert found.endpoints == {"healthy": 0, "failing": 1, "disabled": 0}
    assert found.counts[ATTEMPTS] == {"received": 5, "status_5xx": 1}
    assert sum(found.counts[WAITS].values()) == 6
    assert found.counts[WAITED_MS][""] < 6 * 10_000


async def test_nothing_waits_and_nothing_is_overdue_at_first(database: Database) -> None:
    found = await figures(database, clock.now())

    assert (found.events, found.pending, found.dead, found.oldest_seconds) == (0, 0, 0, 0)
    assert found.counts == {}


async def test_old_attempts_are_removed_in_small_batches_and_deliveries_stay(
    shop: Shop, hook: Hook, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forget, "AT_ONCE", 2)
    async with delivering(database):
        old = [await shop.happens(number, "invoice:paid") for number in range(3)]
        await until(lambda: len(hook.requests) == 3)
    clock.move_to_offset(timedelta(days=91))
    async with delivering(database):
        young = await shop.happens(7, "invoice:paid")
        await until(lambda: len(hook.requests) == 4)

    assert not await forget_attempts(database, clock.now(), 0)
    assert await forget_attempts(database, clock.now(), 90)
    assert not await forget_attempts(database, clock.now(), 90)

    assert [len(await shop.attempts(event_id)) for event_id in (*old, young)] == [0, 0, 0, 1]
    assert (await shop.deliveries(0))[0].attempts == 1


async def test_the_archive_has_what_is_gone_and_nothing_goes_that_it_has_not(
    shop: Shop, hook: Hook, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(forget, "AT_ONCE", 2)
    hook.answer = status(200, body=b"thank you")
    async with delivering(database):
        events = [await shop.happens(number, "invoice:paid") for number in range(3)]
        await until(lambda: len(hook.requests) == 3)
    [made] = await shop.attempts(events[0])
    clock.move_to_offset(timedelta(days=91))
    blocked = tmp_path / "a file"
    blocked.touch()

    with pytest.raises(OSError, match="a file"):
        await forget_attempts(database, clock.now(), 90, blocked)
    assert [len(await shop.attempts(event_id)) for event_id in events] == [1, 1, 1]

    folder = tmp_path / "archive"
    assert await forget_attempts(database, clock.now(), 90, folder)
    assert not await forget_attempts(database, clock.now(), 90, folder)
    [file] = folder.iterdir()
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert file.name == f"webhook-attempts-{made.at:%Y-%m-%d}.jsonl.gz"
    assert file.stat().st_mode & 0o077 == 0
    assert sorted(line["event_id"] for line in lines) == events
    assert {(line["merchant_id"], line["status"], line["response"]) for line in lines} == {
        (shop.id, 200, "thank you")
    }
    assert [len(await shop.attempts(event_id)) for event_id in events] == [0, 0, 0]


async def test_an_attempt_can_be_removed_and_never_changed(database: Database) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await database.execute("UPDATE delivery_attempt SET status = 200")
