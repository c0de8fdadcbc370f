"""The sweep: everything unpaid of age, nothing in doubt, whatever happens at the same moment."""

import asyncio
from contextvars import Context
from datetime import timedelta

import pytest

from nonstopay import clock
from nonstopay.business.invoices import expire
from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.expire import expire_old
from nonstopay.business.invoices.states import State
from nonstopay.business.payments.records import has_doubt
from nonstopay.connectors.outcome import Kind
from tests.unit.payments.counter import Counter, move_to


async def sweep(counter: Counter) -> None:
    """Turn by turn, as the worker does, until there is nothing to look at."""
    for _ in range(20):
        if not await expire_old(counter.db, now=clock.now(), in_doubt=has_doubt):
            return
    raise AssertionError("the sweep does not come to an end")


async def test_fourteen_days_and_not_a_moment_less(counter: Counter) -> None:
    invoice = await counter.invoice()
    move_to(invoice.expires_at - timedelta(seconds=2))
    await sweep(counter)
    assert (await counter.seen(invoice.id)).state is State.CREATED

    move_to(invoice.expires_at)
    await sweep(counter)

    assert (await counter.seen(invoice.id)).state is State.EXPIRED
    assert await counter.events(invoice) == ["invoice:created", "invoice:expired"]


async def test_more_invoices_of_one_instant_than_a_batch_holds(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expire, "BATCH", 4)
    several = [await counter.invoice() for _ in range(11)]
    await counter.db.execute(
        "UPDATE invoice SET created_at = (SELECT min(created_at) FROM invoice)"
    )
    in_doubt = await counter.attempt(several[5])
    await counter.hear(in_doubt, Kind.PROCESSING)
    move_to(several[-1].expires_at)

    await sweep(counter)

    states = [(await counter.seen(one.id)).state for one in several]
    assert states == [State.EXPIRED] * 5 + [State.CREATED] + [State.EXPIRED] * 5


async def test_a_payment_that_falls_into_doubt_during_the_sweep_is_not_expired_under_it(
    counter: Counter,
) -> None:
    invoice = await counter.invoice()
    payment = await counter.attempt(invoice)
    move_to(invoice.expires_at + timedelta(seconds=1))

    async with counter.db.transaction() as tx:
        await invoices.lock(tx, invoice.merchant_id, invoice.id)
        # The notification is being recorded; the sweep comes by and must wait for its end.
        sweeping = asyncio.create_task(sweep(counter), context=Context())
        await asyncio.sleep(0.3)
        await tx.execute("UPDATE payment SET state = 'processing' WHERE id = $1", payment.id)
    await sweeping

    assert (await counter.seen(invoice.id)).state is State.CREATED
