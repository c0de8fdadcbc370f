"""Nothing stays open for ever: direct invoices, what is left of a reservation, and voids that are refused."""

import logging
from datetime import timedelta

import pytest

from nonstopay import clock
from nonstopay.business.invoices.states import State as InvoiceState
from nonstopay.business.payments import records
from nonstopay.business.payments.captures import ask as captures
from nonstopay.business.payments.cards.enter import DECLINES_OF_INVOICE_MAX
from nonstopay.business.payments.let_go import REFUSALS_MAX, ask_to_let_go
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.proof.prove import prove
from nonstopay.business.payments.run_out import RESERVED_AT_MOST
from nonstopay.business.payments.states import State
from nonstopay.business.payments.step import LET_GO
from nonstopay.connectors.outcome import Kind, Reason
from nonstopay.money import Money
from nonstopay.store.db import Database
from tests.unit.payments.card_counter import (
    OTHER_BANK,
    CardCounter,
    dollars,
    open_card_counter,
    refused,
)
from tests.unit.payments.counter import move_to, no_answer, outcome
from tests.unit.payments.own_bank import Died
from tests.unit.payments.working import work

CHALLENGE = "https://issuer.example.com/challenge"


@pytest.fixture
async def counter(database: Database) -> CardCounter:
    return await open_card_counter(database)


@pytest.fixture
async def by_hand(database: Database) -> CardCounter:
    """A counter whose merchant takes reserved money himself."""
    return await open_card_counter(database, captures_by_hand=True)


async def must_hold(counter: CardCounter) -> None:
    async with counter.db.reading() as conn:
        for check in await prove(conn):
            assert not check.failures, check


async def days_go_by(counter: CardCounter, days: int) -> None:
    for _ in range(days):
        move_to(clock.now() + timedelta(days=1))
        await work(counter)


async def take(counter: CardCounter, payment: Payment, amount: Money, *, final: bool) -> None:
    async with counter.db.transaction() as tx:
        await captures.ask(
            tx, payment.merchant_id, payment.invoice_id, amount, final=final, at=clock.now()
        )
    await work(counter)


async def let_go(counter: CardCounter, payment: Payment) -> None:
    async with counter.db.transaction() as tx:
        await ask_to_let_go(tx, payment.merchant_id, payment.invoice_id, at=clock.now())


async def sources(counter: CardCounter, payment: Payment) -> list[tuple[str, str]]:
    async with counter.db.reading() as conn:
        news = await records.news(conn, payment.merchant_id, payment.id)
    return [(one.source, one.outcome) for one in news]


async def test_the_tenth_refusal_goes_on_to_the_next_provider(counter: CardCounter) -> None:
    invoice = await counter.invoice(direct=True)
    counter.card_bank.says = refused(Reason.WRONG_CODE)
    after = 0
    for _ in range(DECLINES_OF_INVOICE_MAX - 1):
        after = (await counter.pay(invoice, after=after)).id
    counter.card_bank.says = refused(Reason.TECHNICAL)
    counter.other_bank.says = refused(Reason.TECHNICAL)

    payment = await counter.pay(invoice, after=after, direct=True)

    assert (payment.state, payment.connector) == (State.DECLINED, OTHER_BANK)
    assert (await counter.seen(invoice.id)).state is InvoiceState.FAILED


async def test_a_process_that_dies_between_two_providers_leaves_no_open_invoice(
    counter: CardCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await counter.invoice(direct=True)
    counter.card_bank.says = counter.card_bank.knows = refused(Reason.TECHNICAL)

    def die(*_: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr("nonstopay.business.payments.cards.start._may_go_on", die)
        with pytest.raises(Died):
            await counter.pay(invoice, direct=True)
    assert (await counter.seen(invoice.id)).state is InvoiceState.OPENED
    move_to(clock.now() + timedelta(minutes=1))
    await work(counter)

    assert (await counter.seen(invoice.id)).state is InvoiceState.FAILED
    assert counter.other_bank.charges == [], "the code is gone: nobody is asked again"
    assert len(counter.card_bank.charges) == 1


@pytest.mark.parametrize("kind", [Kind.EXPIRED, Kind.VOIDED])
async def test_a_direct_card_that_is_left_at_the_bank_fails_the_invoice(
    counter: CardCounter, kind: Kind
) -> None:
    invoice = await counter.invoice(direct=True)
    counter.card_bank.says = outcome(Kind.WAITING, link=CHALLENGE)
    waiting = await counter.pay(invoice, direct=True)
    counter.card_bank.knows = outcome(kind)
    move_to(waiting.expires_at + timedelta(seconds=10))
    await work(counter)
    assert (await counter.seen(invoice.id)).state is InvoiceState.FAILED

    await counter.hear_of(waiting, Kind.CAPTURED, amount=dollars(500))

    assert (await counter.seen(invoice.id)).state is InvoiceState.AWAITING_APPROVAL
    assert await counter.holds("merchant") == "5.00"
    await must_hold(counter)


async def test_on_the_page_it_stays_payable(counter: CardCounter) -> None:
    invoice = await counter.invoice()
    counter.card_bank.says = outcome(Kind.WAITING, link=CHALLENGE)
    waiting = await counter.pay(invoice)

    await counter.hear_of(waiting, Kind.EXPIRED)

    assert (await counter.seen(invoice.id)).state is InvoiceState.OPENED


async def test_a_refusal_by_a_provider_that_cannot_be_asked_is_not_asked_about_for_ever(
    counter: CardCounter,
) -> None:
    counter.card_bank.says = refused(Reason.WRONG_CODE)
    await counter.pay(await counter.invoice())
    counter.card_bank.knows = no_answer()

    await days_go_by(counter, 2)

    assert await counter.db.fetch("SELECT FROM job WHERE kind = 'payment:look-up'") == []


@pytest.mark.parametrize("said", [Kind.VOIDED, Kind.EXPIRED])
async def test_a_rest_that_runs_out_is_let_go(by_hand: CardCounter, said: Kind) -> None:
    payment = await by_hand.pay(await by_hand.invoice())
    await take(by_hand, payment, dollars(200), final=False)

    for _ in range(2):
        await by_hand.hear_of(payment, said)

    after = await by_hand.reread(payment)
    assert (after.state, after.captured) == (State.CAPTURED, dollars(200))
    assert (after.voided, after.open) == (dollars(300), dollars(0))
    assert (await sources(by_hand, payment))[-1] == ("notification", "voided")
    await must_hold(by_hand)


async def test_a_rest_is_asked_about_once_a_day(by_hand: CardCounter) -> None:
    payment = await by_hand.pay(await by_hand.invoice())
    await take(by_hand, payment, dollars(200), final=False)
    part = outcome(Kind.CAPTURED, amount=dollars(200), left=dollars(300))
    by_hand.card_bank.knows = part
    await days_go_by(by_hand, 3)
    assert (await by_hand.reread(payment)).open == dollars(300)

    by_hand.card_bank.knows = outcome(Kind.CAPTURED, amount=dollars(200), left=dollars(0))
    await days_go_by(by_hand, 1)

    assert (await by_hand.reread(payment)).voided == dollars(300)
    assert (await sources(by_hand, payment))[-1] == ("look-up", "voided")


async def test_a_rest_of_which_nobody_speaks_ends_by_the_clock(by_hand: CardCounter) -> None:
    payment = await by_hand.pay(await by_hand.invoice())
    await take(by_hand, payment, dollars(200), final=False)
    await days_go_by(by_hand, 2)
    move_to(payment.started_at + RESERVED_AT_MOST)

    await work(by_hand)

    assert (await by_hand.reread(payment)).voided == dollars(300)
    assert (await sources(by_hand, payment))[-1] == ("clock", "voided")
    assert await by_hand.db.fetch("SELECT FROM job WHERE kind = 'payment:look-up'") == []


async def test_a_part_that_was_on_its_way_when_the_rest_ran_out_counts(
    by_hand: CardCounter,
) -> None:
    payment = await by_hand.pay(await by_hand.invoice())
    await take(by_hand, payment, dollars(200), final=False)
    by_hand.card_bank.says = no_answer()
    await take(by_hand, payment, dollars(100), final=False)
    await by_hand.hear_of(payment, Kind.VOIDED)
    by_hand.card_bank.says = None
    move_to(clock.now() + timedelta(hours=2))
    await work(by_hand)

    after = await by_hand.reread(payment)
    assert (after.captured, after.voided, after.open) == (dollars(300), dollars(200), dollars(0))
    await must_hold(by_hand)


async def test_a_void_that_is_refused_ends_with_the_reservation_and_is_told_once(
    by_hand: CardCounter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    payment = await by_hand.pay(await by_hand.invoice())
    await let_go(by_hand, payment)
    by_hand.card_bank.says = outcome(Kind.VOID_REFUSED, detail="busy")
    by_hand.card_bank.knows = outcome(Kind.AUTHORISED, amount=dollars(500))

    for _ in range(REFUSALS_MAX + 4):
        move_to(clock.now() + timedelta(hours=1))
        await work(by_hand, LET_GO)
    await days_go_by(by_hand, 3)
    asked = len(by_hand.card_bank.acts)
    assert caplog.text.count("refuses to let a reservation go") == 1
    assert asked < REFUSALS_MAX + 8, "then once a day"

    move_to(payment.started_at + RESERVED_AT_MOST)
    await work(by_hand)
    after = await by_hand.reread(payment)
    assert (after.state, after.voided) == (State.VOIDED, dollars(500))
    assert await by_hand.db.fetch("SELECT FROM job WHERE kind = 'payment:let-go'") == []

    await by_hand.hear_of(payment, Kind.CAPTURED, amount=dollars(500))
    assert await by_hand.holds("merchant") == "5.00", "even then it is heard"
    await must_hold(by_hand)
