"""Money that is reserved: taken in parts on the merchant's word, or let go; it always adds up."""

from datetime import timedelta

import pytest

from nonstopay import clock
from nonstopay.business.invoices.states import State as InvoiceState
from nonstopay.business.payments import let_go
from nonstopay.business.payments.captures.ask import NotCapturable, ask
from nonstopay.business.payments.captures.capture import Capture
from nonstopay.business.payments.captures.carry_out import carry_out, record_capture
from nonstopay.business.payments.captures.states import State as CaptureState
from nonstopay.business.payments.let_go import NotVoidable, ask_to_let_go
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.proof.prove import prove
from nonstopay.business.payments.start import NotPayable, Wish, start_upi
from nonstopay.business.payments.states import State
from nonstopay.connectors.outcome import Kind
from nonstopay.errors import InvalidAmount
from nonstopay.money import Money
from nonstopay.store.db import Database
from tests.unit.payments.card_counter import CardCounter, dollars, open_card_counter
from tests.unit.payments.counter import no_answer, outcome


@pytest.fixture
async def counter(database: Database) -> CardCounter:
    return await open_card_counter(database, captures_by_hand=True)


async def take(
    counter: CardCounter, payment: Payment, amount: Money | None, *, final: bool = False
) -> Capture:
    async with counter.db.transaction() as tx:
        capture, _ = await ask(
            tx, payment.merchant_id, payment.invoice_id, amount, final=final, at=clock.now()
        )
    return capture


async def send(counter: CardCounter, capture: Capture) -> timedelta | None:
    """Let the worker carry it out; how long until it tries again."""
    now = clock.now()
    again_at = await carry_out(
        counter.db,
        counter.rails,
        capture.merchant_id,
        capture.payment_id,
        capture.number,
        attempts=1,
        at=now,
    )
    return None if again_at is None else again_at - now


async def must_hold(counter: CardCounter) -> None:
    async with counter.db.reading() as conn:
        for check in await prove(conn):
            assert not check.failures, check


async def test_what_is_reserved_is_no_payment_yet_and_keeps_others_away(
    counter: CardCounter,
) -> None:
    invoice = await counter.invoice()

    payment = await counter.pay(invoice)

    assert payment.state is State.AUTHORISED
    assert (payment.authorised, payment.captured, payment.open) == (
        dollars(500),
        dollars(0),
        dollars(500),
    )
    assert (await counter.seen(invoice.id)).state is InvoiceState.OPENED
    assert (await counter.pay(invoice, after=payment.id)).id == payment.id
    assert await counter.movements() == []


async def test_in_parts_and_the_rest_is_let_go(counter: CardCounter) -> None:
    invoice = await counter.invoice()
    payment = await counter.pay(invoice)

    await send(counter, await take(counter, payment, dollars(200)))
    part = await counter.reread(payment)
    assert (part.state, part.captured, part.open) == (State.CAPTURED, dollars(200), dollars(300))
    await send(counter, await take(counter, payment, dollars(100), final=True))

    whole = await counter.reread(payment)
    assert (whole.captured, whole.voided, whole.open) == (dollars(300), dollars(200), dollars(0))
    assert await counter.holds("merchant") == "3.00"
    seen = await counter.seen(invoice.id)
    assert (seen.state, seen.charged) == (InvoiceState.AWAITING_APPROVAL, dollars(300))
    assert (await counter.events(invoice))[-2:] == ["invoice:awaiting_approval"] * 2
    assert counter.card_bank.acts[1:] == [
        (f"capture capture-{payment.id}-1", "2.00"),
        (f"capture capture-{payment.id}-2 final", "1.00"),
    ]
    await must_hold(counter)


async def test_never_more_than_is_reserved_also_while_a_capture_is_under_way(
    counter: CardCounter,
) -> None:
    payment = await counter.pay(await counter.invoice())
    await take(counter, payment, dollars(400))

    with pytest.raises(InvalidAmount, match=r"1\.00 USD can be captured"):
        await take(counter, payment, dollars(101))
    last = await take(counter, payment, None)
    assert (last.amount, last.final) == (dollars(100), True)
    with pytest.raises(NotCapturable):
        await take(counter, payment, dollars(1))


async def test_an_answer_that_is_lost_is_asked_for_again_and_booked_once(
    counter: CardCounter,
) -> None:
    payment = await counter.pay(await counter.invoice())
    capture = await take(counter, payment, None)
    counter.card_bank.says = no_answer()
    assert await send(counter, capture) is not None
    counter.card_bank.says = None

    assert await send(counter, capture) is None
    told = await record_capture(
        counter.db,
        capture.merchant_id,
        capture.payment_id,
        capture.number,
        outcome(Kind.CAPTURED, amount=dollars(500)),
        at=clock.now(),
    )

    assert told.state is CaptureState.DONE
    assert await counter.movements() == ["capture"]
    await must_hold(counter)


async def test_a_refused_capture_leaves_the_reservation(counter: CardCounter) -> None:
    payment = await counter.pay(await counter.invoice())
    counter.card_bank.says = outcome(Kind.CAPTURE_REFUSED, detail="too_late")

    assert await send(counter, await take(counter, payment, None)) is None

    assert (await counter.reread(payment)).open == dollars(500)
    counter.card_bank.says = None
    assert await send(counter, await take(counter, payment, None)) is None
    assert await counter.holds("merchant") == "5.00"


async def test_what_nobody_wants_is_let_go_and_the_invoice_can_be_paid_anew(
    counter: CardCounter,
) -> None:
    invoice = await counter.invoice()
    payment = await counter.pay(invoice)

    async with counter.db.transaction() as tx:
        await ask_to_let_go(tx, payment.merchant_id, invoice.id, at=clock.now())
    counter.card_bank.says = no_answer()
    first = await void(counter, payment)
    counter.card_bank.says = None
    second = await void(counter, payment)

    assert first is not None
    assert second is None
    gone = await counter.reread(payment)
    assert (gone.state, gone.voided, gone.open) == (State.VOIDED, dollars(500), dollars(0))
    upi = await start_upi(counter.db, counter.rails, counter.merchant, invoice.id, Wish())
    assert upi.state is State.WAITING
    with pytest.raises(NotVoidable):
        async with counter.db.transaction() as tx:
            await ask_to_let_go(tx, payment.merchant_id, invoice.id, at=clock.now())


async def test_a_void_that_is_refused_because_it_was_captured_gives_the_money_back(
    counter: CardCounter,
) -> None:
    invoice = await counter.invoice()
    payment = await counter.pay(invoice)
    async with counter.db.transaction() as tx:
        await ask_to_let_go(tx, payment.merchant_id, invoice.id, at=clock.now())
    counter.card_bank.says = outcome(Kind.VOID_REFUSED)
    counter.card_bank.knows = outcome(Kind.VOIDED)

    assert await void(counter, payment) is None

    assert (await counter.reread(payment)).state is State.VOIDED


async def test_an_invoice_that_expired_meanwhile_has_its_reservation_let_go(
    counter: CardCounter,
) -> None:
    invoice = await counter.invoice()
    counter.card_bank.says = outcome(Kind.WAITING, link="https://issuer.example.com/")
    waiting = await counter.pay(invoice)
    counter.card_bank.says = None
    await counter.hear(await counter.attempt(invoice), Kind.CAPTURED)

    late = await counter.hear_of(waiting, Kind.AUTHORISED, amount=dollars(500))

    assert late.state is State.VOIDING
    assert await void(counter, late) is None
    with pytest.raises(NotPayable):
        await counter.pay(invoice, after=late.id)


async def void(counter: CardCounter, payment: Payment) -> timedelta | None:
    now = clock.now()
    again_at = await let_go.let_go(
        counter.db, counter.rails, payment.merchant_id, payment.id, attempts=1, at=now
    )
    return None if again_at is None else again_at - now
