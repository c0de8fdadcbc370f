"""One payer, many clicks: one attempt, until he asks for another and it is safe to give him one."""

import asyncio
from datetime import timedelta

import pytest

from nonstopay.business.payments import records
from nonstopay.business.payments.start import NotPayable
from nonstopay.business.payments.states import State
from nonstopay.connectors.outcome import Kind
from tests.unit.payments.counter import Counter, move_to


async def test_many_clicks_at_once_are_one_attempt_and_one_order(counter: Counter) -> None:
    invoice = await counter.invoice()

    attempts = await asyncio.gather(*(counter.attempt(invoice) for _ in range(8)))

    assert len({attempt.id for attempt in attempts}) == 1
    assert len({order.reference for order in counter.bank.orders}) == 1


async def test_two_requests_for_a_new_code_give_one_new_code(counter: Counter) -> None:
    invoice = await counter.invoice()
    first = await counter.attempt(invoice)

    seconds = await asyncio.gather(*(counter.attempt(invoice, after=first.id) for _ in range(2)))

    assert len({second.id for second in seconds}) == 1
    assert seconds[0].id != first.id


@pytest.mark.parametrize("kind", [Kind.PROCESSING, Kind.UNKNOWN])
async def test_no_new_code_while_an_older_one_is_in_doubt(counter: Counter, kind: Kind) -> None:
    invoice = await counter.invoice()
    first = await counter.attempt(invoice)
    second = await counter.attempt(invoice, after=first.id)
    await counter.hear(first, kind)

    third = await counter.attempt(invoice, after=second.id)

    assert third.id == first.id
    assert third.state in (State.PROCESSING, State.UNKNOWN)


async def test_news_for_the_page_is_of_the_attempt_that_the_page_shows(counter: Counter) -> None:
    invoice = await counter.invoice()
    first = await counter.attempt(invoice)
    await counter.attempt(invoice, after=first.id)
    pair = (invoice.merchant_id, invoice.id)

    first = await counter.hear(first, Kind.PROCESSING)

    async with counter.db.reading() as conn:
        shown = await records.current(conn, *pair)
        revision = (await records.states_of(conn, [pair]))[pair]
    assert shown == first
    assert revision == (1, first.id, first.version)


async def test_an_invoice_that_came_of_age_is_not_payable_even_before_the_sweep(
    counter: Counter,
) -> None:
    invoice = await counter.invoice()
    move_to(invoice.expires_at + timedelta(milliseconds=1))

    with pytest.raises(NotPayable):
        await counter.attempt(invoice)
    assert counter.bank.orders == []
