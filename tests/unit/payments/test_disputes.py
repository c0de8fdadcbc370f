"""A payer's bank takes money back: booked once, owed if it is not there, told, and undone when won."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from nonstopay import clock
from nonstopay.business.invoices.states import State as InvoiceState
from nonstopay.business.payments.disputes.record_news import record_news
from nonstopay.business.payments.disputes.states import State
from nonstopay.business.payments.disputes.tell import describe_dispute
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.proof.prove import prove
from nonstopay.business.payments.refunds.ask import NotRefundable, ask
from nonstopay.business.payments.states import State as PaymentState
from nonstopay.connectors.outcome import DisputeNews, DisputeStage, Kind
from nonstopay.errors import InvalidAmount
from nonstopay.money import Money, fiat
from nonstopay.store.db import Database
from tests.unit.payments.card_counter import CardCounter, dollars, open_card_counter
from tests.unit.payments.counter import outcome


@pytest.fixture
async def counter(database: Database) -> CardCounter:
    return await open_card_counter(database)


async def news(counter: CardCounter, payment: Payment, stage: DisputeStage, **more: Any) -> State:
    told = DisputeNews(reference="dp_1", stage=stage, reason="10.4")
    dispute = await record_news(
        counter.db,
        payment.merchant_id,
        payment.id,
        outcome(Kind.DISPUTED, dispute=told, **more),
        at=clock.now(),
    )
    assert dispute is not None
    return dispute.state


async def invoice_state(counter: CardCounter, payment: Payment) -> InvoiceState:
    return (await counter.seen(payment.invoice_id)).state


async def must_hold(counter: CardCounter) -> None:
    async with counter.db.reading() as conn:
        for check in await prove(conn):
            assert not check.failures, check


async def test_a_chargeback_takes_the_balance_and_is_told(counter: CardCounter) -> None:
    payment = await counter.pay(await counter.invoice())

    await asyncio.gather(*(news(counter, payment, DisputeStage.CHARGEBACK) for _ in range(5)))

    assert await counter.movements() == ["capture", "chargeback"]
    assert await counter.holds("merchant") == "0.00"
    assert await invoice_state(counter, payment) is InvoiceState.CHARGEBACK
    [event] = await counter.db.fetch("SELECT kind, facts FROM event WHERE object = 'dispute'")
    assert event["kind"] == "dispute:chargeback"
    told = await describe_dispute(counter.db, payment.merchant_id, 1, event["facts"])
    assert (told["reason"], bytes(told["amount"])) == ("10.4", b"5")
    await must_hold(counter)


async def test_what_is_not_there_is_owed_and_paid_by_the_next_earnings(
    counter: CardCounter,
) -> None:
    payment = await counter.pay(await counter.invoice())
    await spend(counter, payment, 400)

    await news(counter, payment, DisputeStage.CHARGEBACK)
    assert await counter.holds("merchant:owes") == "4.00"
    assert await counter.holds("merchant") == "0.00"

    await counter.pay(await counter.invoice())
    assert await counter.holds("merchant:owes") == "0.00"
    assert await counter.holds("merchant") == "1.00"
    await must_hold(counter)


async def test_an_inquiry_moves_nothing(counter: CardCounter) -> None:
    payment = await counter.pay(await counter.invoice())

    assert await news(counter, payment, DisputeStage.INQUIRY) is State.INQUIRY

    assert await counter.holds("merchant") == "5.00"
    assert await invoice_state(counter, payment) is InvoiceState.AWAITING_APPROVAL


async def test_what_is_won_pays_the_debt_first_and_the_invoice_is_paid_again(
    counter: CardCounter,
) -> None:
    payment = await counter.pay(await counter.invoice())
    await spend(counter, payment, 400)
    await news(counter, payment, DisputeStage.CHARGEBACK)

    assert await news(counter, payment, DisputeStage.WON) is State.WON

    assert await counter.holds("merchant:owes") == "0.00"
    assert await counter.holds("merchant") == "1.00"
    assert await invoice_state(counter, payment) is InvoiceState.AWAITING_APPROVAL
    assert await news(counter, payment, DisputeStage.PRE_ARBITRATION) is State.CHARGEBACK
    assert await news(counter, payment, DisputeStage.LOST) is State.LOST
    assert await counter.holds("merchant:owes") == "4.00"
    assert await invoice_state(counter, payment) is InvoiceState.CHARGEBACK
    await must_hold(counter)


async def test_a_part_is_disputed(counter: CardCounter) -> None:
    payment = await counter.pay(await counter.invoice())

    await news(counter, payment, DisputeStage.CHARGEBACK, amount=dollars(150))

    assert await counter.holds("merchant") == "3.50"


async def test_what_the_bank_has_is_not_refunded_besides(counter: CardCounter) -> None:
    payment = await counter.pay(await counter.invoice())
    await news(counter, payment, DisputeStage.CHARGEBACK)

    with pytest.raises(NotRefundable):
        async with counter.db.transaction() as tx:
            await ask(tx, payment.merchant_id, payment.invoice_id, None, note=None, at=clock.now())


async def test_the_news_in_any_order_end_alike(counter: CardCounter) -> None:
    payment = await counter.pay(await counter.invoice())

    await news(counter, payment, DisputeStage.LOST)
    await news(counter, payment, DisputeStage.CHARGEBACK)
    await news(counter, payment, DisputeStage.INQUIRY)

    assert await counter.movements() == ["capture", "chargeback"]
    await must_hold(counter)


async def test_a_part_that_the_bank_has_not_can_be_refunded(counter: CardCounter) -> None:
    payment = await counter.pay(await counter.invoice())
    await news(counter, payment, DisputeStage.CHARGEBACK, amount=dollars(150))

    with pytest.raises(InvalidAmount):
        await spend(counter, payment, 351)
    await spend(counter, payment, 350)

    with pytest.raises(NotRefundable):
        await spend(counter, payment, 1)
    await must_hold(counter)


async def test_a_bank_that_asks_about_all_may_take_a_part(counter: CardCounter) -> None:
    payment = await counter.pay(await counter.invoice())

    await news(counter, payment, DisputeStage.INQUIRY, amount=dollars(500))
    await news(counter, payment, DisputeStage.CHARGEBACK, amount=dollars(150))
    await news(counter, payment, DisputeStage.LOST, amount=dollars(500))

    assert await counter.holds("merchant") == "3.50"
    await must_hold(counter)


async def test_a_sum_in_another_currency_is_booked_by_nobody_but_the_operator(
    counter: CardCounter, caplog: pytest.LogCaptureFixture
) -> None:
    payment = await counter.pay(await counter.invoice())
    abroad = Money(460, fiat("EUR"))
    told = DisputeNews(reference="dp_1", stage=DisputeStage.CHARGEBACK, reason="10.4")
    foreign = outcome(Kind.DISPUTED, dispute=told, amount=abroad)
    for _ in range(2):
        heard = await record_news(
            counter.db, payment.merchant_id, payment.id, foreign, at=clock.now()
        )
        assert heard is None
    assert await counter.movements() == ["capture"]
    held = await counter.db.fetchval("SELECT state FROM dispute")
    assert held == "new", "which holds the invoice's settlement back"
    await must_hold(counter)
    assert caplog.text.count("a dispute in a currency that was not charged") == 1

    await news(counter, payment, DisputeStage.CHARGEBACK, amount=dollars(500))
    await record_news(counter.db, payment.merchant_id, payment.id, foreign, at=clock.now())
    won = replace(foreign, dispute=replace(told, stage=DisputeStage.WON))
    await record_news(counter.db, payment.merchant_id, payment.id, won, at=clock.now())

    assert await counter.movements() == ["capture", "chargeback", "chargeback_undone"]
    assert await counter.holds("merchant") == "5.00"
    await must_hold(counter)


async def returned(counter: CardCounter, state: PaymentState) -> Payment:
    """Somebody paid twice: his second payment goes back to him, or went."""
    invoice = await counter.invoice()
    counter.card_bank.says = outcome(Kind.WAITING, link="https://issuer.example.com/challenge")
    twice = await counter.pay(invoice)
    counter.card_bank.says = None
    await counter.pay(invoice, after=twice.id)
    after = await counter.hear_of(twice, Kind.CAPTURED, amount=dollars(500))
    if state is PaymentState.RETURNED:
        after = await counter.hear_of(twice, Kind.REFUNDED, amount=dollars(500))
    assert after.state is state
    return after


async def test_what_the_bank_takes_besides_our_refund_is_our_loss_and_no_merchants(
    counter: CardCounter, caplog: pytest.LogCaptureFixture
) -> None:
    payment = await returned(counter, PaymentState.RETURNED)

    for stage in (DisputeStage.INQUIRY, DisputeStage.CHARGEBACK, DisputeStage.CHARGEBACK):
        await news(counter, payment, stage, amount=dollars(500))

    assert await counter.holds("platform:losses") == "5.00"
    assert await counter.holds("merchant") == "5.00"
    assert await invoice_state(counter, payment) is InvoiceState.AWAITING_APPROVAL
    assert await counter.db.fetch("SELECT FROM event WHERE object = 'dispute'") == []
    assert caplog.text.count("a dispute of money that goes back anyway") == 2
    await must_hold(counter)

    await news(counter, payment, DisputeStage.WON)
    assert await counter.holds("platform:losses") == "0.00"
    await must_hold(counter)


async def test_a_bank_that_is_faster_than_our_refund_has_made_it(counter: CardCounter) -> None:
    payment = await returned(counter, PaymentState.RETURNING)

    for stage in (DisputeStage.CHARGEBACK, DisputeStage.LOST):
        await news(counter, payment, stage)

    assert (await counter.reread(payment)).state is PaymentState.RETURNED
    assert await counter.holds("platform:losses") == "0.00"
    assert await counter.holds("payer") == "0.00"
    await must_hold(counter)

    await news(counter, payment, DisputeStage.WON)
    assert await counter.holds("platform:losses") == "-5.00", "here again, and nobody's"
    await must_hold(counter)


async def test_a_bank_that_takes_a_part_of_what_goes_back_does_not_end_it(
    counter: CardCounter,
) -> None:
    payment = await returned(counter, PaymentState.RETURNING)

    await news(counter, payment, DisputeStage.CHARGEBACK, amount=dollars(100))

    assert (await counter.reread(payment)).state is PaymentState.RETURNING
    assert await counter.holds("platform:losses") == "1.00"
    assert await counter.holds("payer") == "5.00"
    await must_hold(counter)


async def spend(counter: CardCounter, payment: Payment, minor: int) -> None:
    """Something else takes money out of the balance: here, a refund of another invoice's kind."""
    async with counter.db.transaction() as tx:
        await ask(
            tx,
            payment.merchant_id,
            payment.invoice_id,
            dollars(minor),
            note=None,
            at=clock.now(),
        )
