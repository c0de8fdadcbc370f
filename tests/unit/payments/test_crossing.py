"""News that cross: captures, voids, disputes and second attempts in an order that nobody wished for.

Whatever comes first, what the provider took stands in the books once, with the one whom it is owed to.
"""

import asyncio
from datetime import timedelta

import pytest

from nonstopay import clock
from nonstopay.business.invoices.states import State as InvoiceState
from nonstopay.business.payments.captures import ask as captures
from nonstopay.business.payments.captures.capture import Capture
from nonstopay.business.payments.captures.carry_out import record_capture
from nonstopay.business.payments.cards.come_back import come_back
from nonstopay.business.payments.disputes.states import State as DisputeState
from nonstopay.business.payments.let_go import NotVoidable, ask_to_let_go
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.proof.prove import prove
from nonstopay.business.payments.refunds import ask as refunds
from nonstopay.business.payments.refunds.carry_out import record_refund
from nonstopay.business.payments.states import State
from nonstopay.business.payments.take_in import take_in
from nonstopay.connectors.base import Notice
from nonstopay.connectors.outcome import DisputeNews, DisputeStage, Kind, Outcome, Reason
from nonstopay.errors import Unavailable
from nonstopay.money import Money
from nonstopay.store.db import Database
from tests.unit.payments.card_counter import (
    CARD_BANK,
    CardCounter,
    dollars,
    open_card_counter,
    refused,
)
from tests.unit.payments.counter import move_to, no_answer, outcome
from tests.unit.payments.own_bank import Died
from tests.unit.payments.working import work, work_on


@pytest.fixture
async def by_hand(database: Database) -> CardCounter:
    """A counter whose merchant takes reserved money himself."""
    return await open_card_counter(database, captures_by_hand=True)


@pytest.fixture
async def counter(database: Database) -> CardCounter:
    return await open_card_counter(database)


async def take(
    counter: CardCounter, payment: Payment, amount: Money | None, *, final: bool = False
) -> Capture:
    async with counter.db.transaction() as tx:
        capture, _ = await captures.ask(
            tx, payment.merchant_id, payment.invoice_id, amount, final=final, at=clock.now()
        )
    return capture


async def let_go(counter: CardCounter, payment: Payment) -> None:
    async with counter.db.transaction() as tx:
        await ask_to_let_go(tx, payment.merchant_id, payment.invoice_id, at=clock.now())


async def captured(counter: CardCounter, capture: Capture) -> None:
    """The provider says that it took a part."""
    told = outcome(Kind.CAPTURED, amount=capture.amount)
    await record_capture(
        counter.db,
        capture.merchant_id,
        capture.payment_id,
        capture.number,
        told,
        at=clock.now(),
    )


async def disputed(
    counter: CardCounter, payment: Payment, stage: DisputeStage, number: int = 1
) -> None:
    news = DisputeNews(reference=f"dp_{number}", stage=stage)
    await hear(counter, payment, outcome(Kind.DISPUTED, amount=payment.amount, dispute=news))


async def hear(counter: CardCounter, payment: Payment, told: Outcome) -> None:
    notice = Notice(reference=payment.reference, outcome=told)
    await take_in(counter.db, payment.connector, notice, at=clock.now())


async def must_hold(counter: CardCounter) -> None:
    async with counter.db.reading() as conn:
        for check in await prove(conn):
            assert not check.failures, check


async def test_parts_are_taken_one_after_the_other(by_hand: CardCounter) -> None:
    payment = await by_hand.pay(await by_hand.invoice())
    await take(by_hand, payment, dollars(200))
    await take(by_hand, payment, dollars(100), final=True)
    by_hand.card_bank.says = no_answer()
    await work(by_hand)
    by_hand.card_bank.says = None

    await work_on(by_hand)

    sent = [act for act, *_ in by_hand.card_bank.acts if act.startswith("capture")]
    first, last = f"capture capture-{payment.id}-1", f"capture capture-{payment.id}-2 final"
    assert sent == [first, first, last], "the last part lets the rest go: nothing may be before it"
    whole = await by_hand.reread(payment)
    assert (whole.captured, whole.voided, whole.open) == (dollars(300), dollars(200), dollars(0))
    await must_hold(by_hand)


async def test_a_refused_part_that_was_taken_after_all_is_booked(by_hand: CardCounter) -> None:
    payment = await by_hand.pay(await by_hand.invoice())
    first = await take(by_hand, payment, dollars(200))
    by_hand.card_bank.says = outcome(Kind.CAPTURE_REFUSED)
    await work(by_hand)
    by_hand.card_bank.says = None
    await take(by_hand, payment, dollars(100), final=True)
    await work(by_hand)

    await captured(by_hand, first)

    whole = await by_hand.reread(payment)
    assert (whole.captured, whole.voided) == (dollars(300), dollars(200))
    await must_hold(by_hand)


async def test_nothing_is_let_go_while_a_part_is_being_taken(by_hand: CardCounter) -> None:
    payment = await by_hand.pay(await by_hand.invoice())
    await take(by_hand, payment, None)

    with pytest.raises(NotVoidable):
        await let_go(by_hand, payment)

    await work(by_hand)
    assert await by_hand.holds("merchant") == "5.00"


async def test_a_part_that_was_taken_before_the_rest_ran_out_counts(by_hand: CardCounter) -> None:
    payment = await by_hand.pay(await by_hand.invoice())
    capture = await take(by_hand, payment, dollars(300), final=True)

    await by_hand.hear_of(payment, Kind.VOIDED)
    await captured(by_hand, capture)

    after = await by_hand.reread(payment)
    assert (after.state, after.captured, after.voided) == (
        State.CAPTURED,
        dollars(300),
        dollars(200),
    )
    assert await by_hand.holds("merchant") == "3.00"
    await must_hold(by_hand)


async def test_what_is_taken_of_a_paid_invoice_goes_back(by_hand: CardCounter) -> None:
    invoice = await by_hand.invoice()
    upi = await by_hand.attempt(invoice)
    payment = await by_hand.pay(invoice)
    await take(by_hand, payment, dollars(200))
    await take(by_hand, payment, dollars(100))
    await by_hand.hear(upi, Kind.CAPTURED)
    await by_hand.hear_of(payment, Kind.AUTHORISED, amount=dollars(500))
    by_hand.bank.says = no_answer()

    await work_on(by_hand)

    assert (await by_hand.reread(payment)).state is State.RETURNED
    assert (await by_hand.reread(upi)).state is State.CAPTURED
    assert await by_hand.holds("merchant") == "5.00"
    assert await by_hand.holds("payer") == "0.00"
    sent = [act for act, *_ in by_hand.card_bank.acts if act.startswith("capture")]
    assert sent == [f"capture capture-{payment.id}-1"], "no second part"
    await must_hold(by_hand)


async def test_what_cannot_be_let_go_because_it_was_taken_elsewhere_is_booked(
    by_hand: CardCounter,
) -> None:
    payment = await by_hand.pay(await by_hand.invoice())
    await let_go(by_hand, payment)
    by_hand.card_bank.says = outcome(Kind.VOID_REFUSED)
    by_hand.card_bank.knows = outcome(Kind.CAPTURED, amount=dollars(500))

    await work(by_hand)

    assert (await by_hand.reread(payment)).state is State.CAPTURED
    assert await by_hand.holds("merchant") == "5.00"
    await must_hold(by_hand)


async def test_what_somebody_took_at_the_provider_is_booked(by_hand: CardCounter) -> None:
    payment = await by_hand.pay(await by_hand.invoice())

    after = await by_hand.hear_of(payment, Kind.CAPTURED, amount=dollars(500))

    assert after.state is State.CAPTURED
    assert await by_hand.movements() == ["capture"]
    await must_hold(by_hand)


async def test_a_charge_on_its_way_is_not_taken_for_one_that_never_came(
    counter: CardCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await counter.invoice()
    is_on_its_way, is_answered = asyncio.Event(), asyncio.Event()
    authorise = counter.card_bank.authorise

    async def slow(charge):  # type: ignore[no-untyped-def]
        is_on_its_way.set()
        await is_answered.wait()
        return await authorise(charge)

    monkeypatch.setattr(counter.card_bank, "authorise", slow)
    counter.card_bank.says = no_answer()
    counter.card_bank.knows = refused(Reason.NOT_RECEIVED)
    paying = asyncio.create_task(counter.pay(invoice))
    await is_on_its_way.wait()

    await come_back(counter.db, counter.rails, counter.merchant.id, invoice.id, {})
    [reference] = await counter.db.fetch("SELECT reference FROM payment")
    early = await counter.by_reference(CARD_BANK, reference["reference"])
    await counter.hear_of(early, Kind.DECLINED, reason=Reason.NOT_RECEIVED)
    is_answered.set()
    payment = await paying

    assert counter.other_bank.charges == [], "nobody knows what became of the first"
    assert payment.connector == CARD_BANK


async def test_a_charge_that_was_cut_off_is_not_made_again_before_it_is_known(
    counter: CardCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await counter.invoice()

    async def die(charge):  # type: ignore[no-untyped-def]
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(counter.card_bank, "authorise", die)
        with pytest.raises(Died):
            await counter.pay(invoice)
    move_to(clock.now() + timedelta(minutes=2))
    again = await counter.pay(invoice)
    assert (again.id, again.state) == (1, State.STARTING), "he may have paid"

    counter.card_bank.knows = refused(Reason.NOT_RECEIVED)
    await work(counter)
    assert (await counter.pay(invoice, after=again.id)).state is State.CAPTURED


async def test_a_direct_charge_that_was_cut_off_fails_the_invoice(
    counter: CardCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await counter.invoice(direct=True)

    async def die(charge):  # type: ignore[no-untyped-def]
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(counter.card_bank, "authorise", die)
        with pytest.raises(Died):
            await counter.pay(invoice, direct=True)
    counter.card_bank.knows = refused(Reason.NOT_RECEIVED)
    move_to(clock.now() + timedelta(minutes=2))

    await work(counter)

    assert (await counter.seen(invoice.id)).state is InvoiceState.FAILED


async def test_a_chargeback_before_its_payment_is_asked_for_again(counter: CardCounter) -> None:
    counter.card_bank.says = no_answer()
    payment = await counter.pay(await counter.invoice())
    counter.card_bank.says = None
    with pytest.raises(Unavailable):
        await disputed(counter, payment, DisputeStage.CHARGEBACK)

    counter.card_bank.knows = outcome(Kind.CAPTURED, amount=dollars(500))
    await work(counter)
    await disputed(counter, payment, DisputeStage.CHARGEBACK)

    assert await counter.movements() == ["capture", "chargeback"]
    assert (await counter.seen(payment.invoice_id)).state is InvoiceState.CHARGEBACK
    await must_hold(counter)


async def test_money_on_its_way_back_is_not_charged_to_the_merchant(counter: CardCounter) -> None:
    invoice = await counter.invoice()
    counter.card_bank.says = outcome(Kind.WAITING, link="https://issuer.example.com/challenge")
    twice = await counter.pay(invoice)
    counter.card_bank.says = None
    await counter.pay(invoice, after=twice.id)
    await counter.hear_of(twice, Kind.CAPTURED, amount=dollars(500))

    await disputed(counter, twice, DisputeStage.CHARGEBACK)

    assert await counter.holds("merchant") == "5.00"
    assert await counter.holds("payer") == "0.00", "the payer's bank has given it to him"
    assert (await counter.seen(invoice.id)).state is InvoiceState.AWAITING_APPROVAL
    assert (await counter.reread(twice)).state is State.RETURNED
    counter.card_bank.says = outcome(Kind.REFUND_REFUSED)
    await work_on(counter)
    await must_hold(counter)


async def test_what_comes_back_of_a_refund_pays_the_debt_first(counter: CardCounter) -> None:
    payment = await counter.pay(await counter.invoice())
    async with counter.db.transaction() as tx:
        refund, _ = await refunds.ask(
            tx, payment.merchant_id, payment.invoice_id, None, note=None, at=clock.now()
        )
    await disputed(counter, payment, DisputeStage.CHARGEBACK)
    assert await counter.holds("merchant:owes") == "5.00"

    await record_refund(
        counter.db,
        payment.merchant_id,
        refund.id,
        outcome(Kind.REFUND_REFUSED, detail="charged back"),
        at=clock.now(),
    )

    assert await counter.holds("merchant:owes") == "0.00"
    assert await counter.holds("merchant") == "0.00"
    await must_hold(counter)


async def test_an_invoice_stays_charged_back_while_one_of_its_disputes_stands(
    counter: CardCounter,
) -> None:
    payment = await counter.pay(await counter.invoice())
    for number in (1, 2):
        news = DisputeNews(reference=f"dp_{number}", stage=DisputeStage.CHARGEBACK)
        await hear(counter, payment, outcome(Kind.DISPUTED, amount=dollars(200), dispute=news))

    await disputed(counter, payment, DisputeStage.WON, 1)
    assert (await counter.seen(payment.invoice_id)).state is InvoiceState.CHARGEBACK
    await disputed(counter, payment, DisputeStage.WON, 2)

    assert (await counter.seen(payment.invoice_id)).state is InvoiceState.AWAITING_APPROVAL
    rows = await counter.db.fetch("SELECT state FROM dispute")
    assert {row["state"] for row in rows} == {DisputeState.WON}
    await must_hold(counter)
