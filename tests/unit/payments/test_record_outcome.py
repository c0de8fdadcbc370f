"""News of one payment from all sides at once: it is heard once, and doubt is never forgotten."""

import asyncio
from datetime import timedelta

import pytest

from nonstopay.business.invoices.states import State as InvoiceState
from nonstopay.business.payments.states import State
from nonstopay.business.payments.step import Source
from nonstopay.connectors.outcome import Kind
from nonstopay.errors import NotFound
from nonstopay.money import Money
from tests.unit.payments.counter import Counter, move_to

SOURCES: list[Source] = ["notification", "notification", "look-up", "reply", "operator"]


async def test_the_same_news_from_all_sides_at_once_moves_money_once(counter: Counter) -> None:
    invoice = await counter.invoice()
    payment = await counter.attempt(invoice)

    heard = await asyncio.gather(
        *(counter.hear(payment, Kind.CAPTURED, source=source) for source in SOURCES * 3)
    )

    assert {one.state for one in heard} == {State.CAPTURED}
    assert await counter.movements() == ["capture"]
    assert (await counter.events(invoice)).count("invoice:awaiting_approval") == 1
    told = await counter.db.fetchval("SELECT count(*) FROM payment_news WHERE outcome = 'captured'")
    assert told == 1


async def test_two_attempts_captured_at_once_pay_the_merchant_once(counter: Counter) -> None:
    invoice = await counter.invoice()
    first = await counter.attempt(invoice)
    second = await counter.attempt(invoice, after=first.id)

    heard = await asyncio.gather(
        counter.hear(first, Kind.CAPTURED), counter.hear(second, Kind.CAPTURED)
    )

    assert sorted(one.state for one in heard) == [State.CAPTURED, State.RETURNING]
    assert sorted(await counter.movements()) == ["capture", "capture_to_return"]


@pytest.mark.parametrize("more", [-1, 1])
async def test_another_amount_than_was_asked_for_goes_back(counter: Counter, more: int) -> None:
    invoice = await counter.invoice()
    payment = await counter.attempt(invoice)
    amount = Money(payment.charged.minor + more, payment.charged.currency)

    payment = await counter.hear(payment, Kind.CAPTURED, amount=amount)

    assert payment.state is State.RETURNING
    assert (await counter.seen(invoice.id)).state is InvoiceState.CREATED
    held = "SELECT (credits - debits)::bigint FROM account WHERE name = 'payer'"
    assert await counter.db.fetchval(held) == amount.minor


async def test_an_old_invoice_expires_when_its_doubt_ends_without_money(counter: Counter) -> None:
    invoice = await counter.invoice()
    payment = await counter.attempt(invoice)
    await counter.hear(payment, Kind.PROCESSING)
    move_to(invoice.expires_at + timedelta(seconds=1))

    await counter.hear(payment, Kind.EXPIRED)

    assert (await counter.seen(invoice.id)).state is InvoiceState.EXPIRED


async def test_an_old_invoice_waits_for_the_last_doubt_to_end(counter: Counter) -> None:
    invoice = await counter.invoice()
    first = await counter.attempt(invoice)
    second = await counter.attempt(invoice, after=first.id)
    await counter.hear(first, Kind.PROCESSING)
    await counter.hear(second, Kind.PROCESSING)
    move_to(invoice.expires_at + timedelta(seconds=1))

    await counter.hear(first, Kind.DECLINED)
    assert (await counter.seen(invoice.id)).state is InvoiceState.CREATED

    await counter.hear(second, Kind.CAPTURED)
    assert (await counter.seen(invoice.id)).state is InvoiceState.AWAITING_APPROVAL


async def test_news_of_an_order_that_is_not_ours_is_refused(counter: Counter) -> None:
    payment = await counter.attempt(await counter.invoice())
    await counter.db.execute("UPDATE payment_reference SET connector = 'another bank'")

    with pytest.raises(NotFound):
        await counter.hear(payment, Kind.CAPTURED)
    assert await counter.movements() == []
