"""A payer pays by card: charged once, whatever is sent twice, lost, refused or told late."""

import asyncio
import logging
from datetime import timedelta

import pytest

from nonstopay import clock
from nonstopay.business.invoices.states import State as InvoiceState
from nonstopay.business.payments import records as payments
from nonstopay.business.payments.cards import records as used_cards
from nonstopay.business.payments.cards.come_back import come_back
from nonstopay.business.payments.cards.enter import (
    DECLINES_OF_ADDRESS_MAX,
    DECLINES_OF_INVOICE_MAX,
    TooManyDeclines,
)
from nonstopay.business.payments.look_up import look_up
from nonstopay.business.payments.start import NotPayable
from nonstopay.business.payments.states import State
from nonstopay.connectors.charge import Browser, Charge
from nonstopay.connectors.outcome import Kind, Outcome, Reason
from nonstopay.store.db import Database
from tests.unit.payments.card_counter import (
    CARD_BANK,
    OTHER_BANK,
    VISA,
    CardCounter,
    an_attempt,
    dollars,
    open_card_counter,
    refused,
)
from tests.unit.payments.counter import no_answer, outcome


@pytest.fixture
async def counter(database: Database) -> CardCounter:
    return await open_card_counter(database)


async def test_a_card_pays_an_invoice(counter: CardCounter) -> None:
    invoice = await counter.invoice()

    payment = await counter.pay(invoice)

    assert payment.state is State.CAPTURED
    assert (payment.authorised, payment.captured) == (dollars(500), dollars(500))
    assert (await counter.seen(invoice.id)).state is InvoiceState.AWAITING_APPROVAL
    assert await counter.movements() == ["capture"]
    assert await counter.holds("merchant") == "5.00"
    assert counter.card_bank.charges[0].return_url == "https://pay.example.com/return"


async def test_what_may_be_shown_of_the_card_is_kept_and_the_rest_is_in_the_vault(
    counter: CardCounter,
) -> None:
    payment = await counter.pay(await counter.invoice())

    async with counter.db.reading() as conn:
        used = await used_cards.find(conn, payment.merchant_id, payment.id)
        assert used is not None
        kept = await counter.rails.vault.open(conn, payment.merchant_id, used.card_id, clock.now())
        plain = await conn.fetch("SELECT payment_card::text FROM payment_card")
    assert (used.first6, used.last4, used.brand) == ("424242", "4242", "visa")
    assert kept.number.reveal() == VISA
    assert VISA not in plain[0][0]


async def test_a_double_click_charges_once(counter: CardCounter) -> None:
    invoice = await counter.invoice()

    payments = await asyncio.gather(*(counter.pay(invoice) for _ in range(8)))

    assert len({payment.id for payment in payments}) == 1
    assert len(counter.card_bank.charges) == 1


async def test_after_a_refusal_he_tries_again_and_pays_once(counter: CardCounter) -> None:
    invoice = await counter.invoice()
    counter.card_bank.says = refused(Reason.INSUFFICIENT_FUNDS)
    first = await counter.pay(invoice)
    assert (first.state, first.reason) == (State.DECLINED, Reason.INSUFFICIENT_FUNDS)
    again = await counter.pay(invoice)
    assert again.id == first.id, "the same form sent twice is answered, not charged"

    counter.card_bank.says = None
    second = await counter.pay(invoice, after=first.id)

    assert second.state is State.CAPTURED
    assert counter.other_bank.charges == [], "his bank refused: no other provider is asked"
    assert await counter.movements() == ["capture"]


async def test_another_provider_is_asked_where_the_first_one_could_not(
    counter: CardCounter,
) -> None:
    counter.card_bank.says = refused(Reason.TECHNICAL)
    invoice = await counter.invoice()

    payment = await counter.pay(invoice)

    assert (payment.state, payment.connector) == (State.CAPTURED, OTHER_BANK)
    assert (len(counter.card_bank.charges), len(counter.other_bank.charges)) == (1, 1)


async def test_the_provider_that_the_merchant_named_is_asked_alone(counter: CardCounter) -> None:
    counter.other_bank.says = refused(Reason.TECHNICAL)
    invoice = await counter.invoice(solution=OTHER_BANK)

    first = await counter.pay(invoice)
    counter.other_bank.says = None
    second = await counter.pay(invoice, after=first.id)

    assert (first.connector, second.connector) == (OTHER_BANK, OTHER_BANK)
    assert second.state is State.CAPTURED
    assert counter.card_bank.charges == []


async def test_after_silence_nobody_else_is_asked_and_the_truth_is_looked_up(
    counter: CardCounter,
) -> None:
    counter.card_bank.says = no_answer()
    invoice = await counter.invoice()
    payment = await counter.pay(invoice)
    assert payment.state is State.UNKNOWN
    assert counter.other_bank.charges == []
    assert (await counter.pay(invoice, after=payment.id)).id == payment.id, "he may have paid"

    counter.card_bank.knows = outcome(Kind.CAPTURED, amount=payment.charged)
    again_at = await look_up(
        counter.db,
        counter.rails,
        payment.merchant_id,
        payment.id,
        attempts=1,
        at=clock.now(),
    )

    assert again_at is None
    assert (await counter.reread(payment)).state is State.CAPTURED
    assert await counter.movements() == ["capture"]


async def test_a_charge_that_was_cut_off_is_asked_about_however_late_he_presses_again(
    counter: CardCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await counter.invoice()
    answer = counter.card_bank.authorise

    async def die_after_sending(charge: Charge) -> Outcome:
        await answer(charge)
        raise RuntimeError("the process died")

    monkeypatch.setattr(counter.card_bank, "authorise", die_after_sending)
    with pytest.raises(RuntimeError):
        await counter.pay(invoice)
    clock.move_to_offset(timedelta(minutes=10))

    [first] = {(await counter.pay(invoice, after=after)).id for after in (0, 99)}

    assert len(counter.card_bank.charges) == 1, "who knows what became of it"
    async with counter.db.reading() as conn:
        payment = await payments.find(conn, counter.merchant.id, first)
    assert payment is not None
    assert payment.state is State.STARTING


async def test_a_refusal_that_turns_out_a_payment_is_honoured_and_a_second_one_goes_back(
    counter: CardCounter,
) -> None:
    invoice = await counter.invoice()
    counter.card_bank.says = refused(Reason.BANK_UNAVAILABLE)
    counter.other_bank.says = refused(Reason.INSUFFICIENT_FUNDS)
    last = await counter.pay(invoice)
    counter.other_bank.says = None

    paid = await counter.hear_of(last, Kind.CAPTURED, amount=last.charged)
    [first] = await counter.db.fetch("SELECT reference FROM payment ORDER BY id LIMIT 1")
    late = await counter.hear_of(
        await counter.by_reference(CARD_BANK, first["reference"]),
        Kind.CAPTURED,
        amount=last.charged,
    )

    assert (paid.state, late.state) == (State.CAPTURED, State.RETURNING)
    assert await counter.movements() == ["capture", "capture_to_return"]


async def test_through_3d_secure_and_back_in_any_order(counter: CardCounter) -> None:
    invoice = await counter.invoice()
    counter.card_bank.says = outcome(Kind.WAITING, link="https://issuer.example.com/challenge")
    waiting = await counter.pay(invoice)
    assert (waiting.state, waiting.link) == (State.WAITING, "https://issuer.example.com/challenge")

    counter.card_bank.knows = outcome(Kind.CAPTURED, amount=waiting.charged)
    back, _, told = await asyncio.gather(
        come_back(counter.db, counter.rails, waiting.merchant_id, invoice.id, {}),
        come_back(counter.db, counter.rails, waiting.merchant_id, invoice.id, {}),
        counter.hear_of(waiting, Kind.CAPTURED, amount=waiting.charged),
    )

    assert back is not None
    assert {back.state, told.state} == {State.CAPTURED}
    assert await counter.movements() == ["capture"]
    again = await come_back(counter.db, counter.rails, waiting.merchant_id, invoice.id, {})
    assert again is not None
    assert again.state is State.CAPTURED


async def test_who_waits_at_his_bank_may_take_another_card(counter: CardCounter) -> None:
    invoice = await counter.invoice()
    counter.card_bank.says = outcome(Kind.WAITING, link="https://issuer.example.com/challenge")
    waiting = await counter.pay(invoice)
    counter.card_bank.says = None

    paid = await counter.pay(invoice, after=waiting.id)
    both = await counter.hear_of(waiting, Kind.CAPTURED, amount=waiting.charged)

    assert (paid.state, both.state) == (State.CAPTURED, State.RETURNING)


async def test_trying_out_cards_is_stopped(counter: CardCounter) -> None:
    invoice = await counter.invoice()
    counter.card_bank.says = refused(Reason.WRONG_CODE)
    after = 0
    for _ in range(DECLINES_OF_INVOICE_MAX):
        after = (await counter.pay(invoice, after=after)).id

    with pytest.raises(TooManyDeclines):
        await counter.pay(invoice, after=after)
    assert len(counter.card_bank.charges) == DECLINES_OF_INVOICE_MAX


async def test_who_changes_his_address_within_his_network_is_the_same(
    counter: CardCounter,
) -> None:
    counter.card_bank.says = refused(Reason.WRONG_CODE)
    for number in range(DECLINES_OF_ADDRESS_MAX):
        browser = Browser(ip=f"2001:db8:1:2::{number:x}")
        await counter.pay(await counter.invoice(), browser=browser)

    with pytest.raises(TooManyDeclines):
        await counter.pay(await counter.invoice(), browser=Browser(ip="2001:db8:1:2:a::b"))
    other = await counter.pay(await counter.invoice(), browser=Browser(ip="2001:db8:1:3::1"))

    assert other.state is State.DECLINED, "a neighbour is asked for nothing"


async def test_a_direct_card_that_everybody_refuses_fails_the_invoice(
    counter: CardCounter,
) -> None:
    counter.card_bank.says = refused(Reason.TECHNICAL)
    counter.other_bank.says = refused(Reason.TECHNICAL)
    invoice = await counter.invoice(direct=True)

    payment = await counter.pay(invoice, direct=True)

    assert (payment.state, payment.connector) == (State.DECLINED, OTHER_BANK)
    assert (await counter.seen(invoice.id)).state is InvoiceState.FAILED
    assert await counter.events(invoice) == ["invoice:created", "invoice:opened", "invoice:failed"]


async def test_a_paid_invoice_takes_no_card(counter: CardCounter) -> None:
    invoice = await counter.invoice()
    payment = await counter.pay(invoice)

    with pytest.raises(NotPayable):
        await counter.pay(invoice, after=payment.id)


async def test_neither_number_nor_code_is_said_by_anybody(
    counter: CardCounter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    attempt = an_attempt()

    await counter.pay(await counter.invoice())

    said = f"{attempt!r} {counter.card_bank.charges!r} {caplog.text}"
    for charge in counter.card_bank.charges:
        said = said.replace(charge.reference, "")  # its digits are random
    rows = await counter.db.fetch("SELECT facts::text FROM payment_news")
    for secret in (VISA, "734", "Asha"):
        assert secret not in said
        assert all(secret not in row["facts"] for row in rows)
