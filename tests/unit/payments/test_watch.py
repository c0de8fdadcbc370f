"""Live news for open pages: at once, when something changes, and now and then to find the dead."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from nonstopay import clock
from nonstopay.business.deposits.watch import records as chains
from nonstopay.connectors.outcome import Kind
from nonstopay.web.checkout import watch
from nonstopay.web.checkout.watch import Revision, Watch
from tests.unit.payments.counter import Counter


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(watch, "REPEAT_SECONDS", 0.5)


async def test_a_page_hears_how_it_stands_and_what_changes_and_again_when_nothing_does(
    counter: Counter,
) -> None:
    invoice = await counter.invoice()
    payment = await counter.attempt(invoice)
    news = Watch(counter.db).changes(invoice.merchant_id, invoice.id)

    assert await anext(news) == (1, payment.id, 2)
    await counter.hear(payment, Kind.CAPTURED)
    assert await asyncio.wait_for(anext(news), 0.4) == (2, payment.id, 3)
    assert await asyncio.wait_for(anext(news), 2) == (2, payment.id, 3)


async def test_a_slow_page_hears_the_newest_and_not_all_that_happened(counter: Counter) -> None:
    invoice = await counter.invoice()
    payment = await counter.attempt(invoice)
    news = Watch(counter.db).changes(invoice.merchant_id, invoice.id)
    await anext(news)

    await counter.hear(payment, Kind.DECLINED)
    await asyncio.sleep(0.1)
    await counter.hear(payment, Kind.CAPTURED)
    await asyncio.sleep(0.1)

    assert await anext(news) == (2, payment.id, 4)


async def test_a_page_that_waits_for_confirmations_hears_of_each_block(counter: Counter) -> None:
    invoice = await counter.invoice()
    watching, news = Watch(counter.db), []
    for network in (None, "polygon"):
        changes = watching.changes(invoice.merchant_id, invoice.id, lambda on=network: on)  # type: ignore[misc]
        news.append(asyncio.create_task(_collect(changes, until=0.4)))
    await asyncio.sleep(0.1)
    async with counter.db.transaction() as tx:
        await chains.begin(tx, "polygon", 7, [], clock.now())
    await asyncio.sleep(0.1)
    async with counter.db.transaction() as tx:
        await tx.execute("UPDATE chain_cursor SET number = 7")

    nothing, blocks = [await task for task in news]

    assert nothing == [(1, 0, 0)]
    assert [one[3] for one in blocks if len(one) > 3] == [0, 6, 7]


async def _collect(changes: AsyncIterator[Revision], until: float) -> list[Revision]:
    heard: list[Revision] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(until):
            async for revision in changes:
                heard.append(revision)
    return heard


async def test_a_process_that_stops_lets_its_pages_go(counter: Counter) -> None:
    invoice = await counter.invoice()
    watching = Watch(counter.db)
    news = watching.changes(invoice.merchant_id, invoice.id)
    await anext(news)

    watching.close()

    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(news), 0.4)
