"""The payer opens his page: once is enough, however many tabs."""

import asyncio

import pytest

from nonstopay import clock
from nonstopay.business.invoices.open import open_invoice
from nonstopay.business.invoices.states import MACHINE, PAYABLE, Event, State
from nonstopay.errors import NotFound
from tests.unit.payments.counter import Counter


async def look(counter: Counter, invoice_id: int, payer_ip: str) -> str | None:
    at = clock.now()
    merchant_id = counter.merchant.id
    seen = await open_invoice(counter.db, merchant_id, invoice_id, payer_ip=payer_ip, at=at)
    assert seen.state is State.OPENED
    return seen.payer_ip


async def test_many_tabs_open_an_invoice_once(counter: Counter) -> None:
    invoice = await counter.invoice()

    seen = await asyncio.gather(*(look(counter, invoice.id, f"203.0.113.{n}") for n in range(8)))

    assert len(set(seen)) == 1, "the first look is kept"
    assert await counter.events(invoice) == ["invoice:created", "invoice:opened"]


async def test_the_payers_address_that_the_merchant_told_is_kept(counter: Counter) -> None:
    invoice = await counter.invoice(payer_ip="198.51.100.7")

    assert await look(counter, invoice.id, "203.0.113.1") == "198.51.100.7"


async def test_an_invoice_that_is_not_there(counter: Counter) -> None:
    with pytest.raises(NotFound):
        await look(counter, 4711, "203.0.113.1")


def test_a_failed_or_expired_invoice_is_not_payable_but_hears_of_money_that_came() -> None:
    for state in (State.FAILED, State.EXPIRED):
        assert state not in PAYABLE
        assert MACHINE.step(state, Event.OPEN).after is state
        assert MACHINE.step(state, Event.ACCEPT).after is State.AWAITING_APPROVAL


def test_what_is_credited_is_neither_failed_nor_expired_by_late_news() -> None:
    for state in (State.AWAITING_APPROVAL, State.PAID, State.CHARGEBACK, State.WITHHELD):
        for event in (Event.FAIL, Event.EXPIRE, Event.ACCEPT):
            assert not MACHINE.step(state, event).moved
