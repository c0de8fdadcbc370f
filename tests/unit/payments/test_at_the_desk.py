"""Somebody gives money back at the provider's own desk: booked once, told, owed if it is not there."""

import pytest

from nonstopay import clock
from nonstopay.business.payments.disputes.record_news import NotCaptured
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.proof.prove import prove
from nonstopay.business.payments.refunds import ask as refunds
from nonstopay.business.payments.refunds import records
from nonstopay.business.payments.refunds.carry_out import record_refund
from nonstopay.business.payments.refunds.hear_of import NotYet
from nonstopay.business.payments.refunds.refund import Refund, Source
from nonstopay.business.payments.refunds.states import State
from nonstopay.business.payments.take_in import take_in
from nonstopay.connectors.base import Notice
from nonstopay.connectors.outcome import Kind
from nonstopay.ledger import movements, post
from nonstopay.store.db import Database
from tests.unit.payments.card_counter import CardCounter, dollars, open_card_counter
from tests.unit.payments.counter import no_answer, outcome


@pytest.fixture
async def counter(database: Database) -> CardCounter:
    return await open_card_counter(database)


async def given_back(
    counter: CardCounter,
    payment: Payment,
    minor: int,
    name: str,
    kind: Kind = Kind.REFUNDED,
) -> None:
    """The provider tells of a refund that is not ours."""
    told = outcome(kind, amount=dollars(minor), provider_reference=name)
    notice = Notice(reference=payment.reference, outcome=told)
    await take_in(counter.db, payment.connector, notice, at=clock.now())


async def ask(counter: CardCounter, payment: Payment, minor: int) -> Refund:
    async with counter.db.transaction() as tx:
        refund, _ = await refunds.ask(
            tx,
            payment.merchant_id,
            payment.invoice_id,
            dollars(minor),
            note=None,
            at=clock.now(),
        )
    return refund


async def put_away(counter: CardCounter, minor: int) -> None:
    """A settlement's reserve takes money out of the balance."""
    nothing = dollars(0)
    facts = movements.Facts(
        merchant_id=counter.merchant.id,
        key="batch:1/settle",
        about="batch:1",
        at=clock.now(),
        connector="",
        reserved=dollars(minor),
        share=nothing,
        payable=nothing,
        converted=nothing,
        markup=nothing,
    )
    async with counter.db.transaction() as tx:
        await post.post(tx, movements.lines(movements.SETTLE, facts))


async def must_hold(counter: CardCounter) -> None:
    async with counter.db.reading() as conn:
        for check in await prove(conn):
            assert not check.failures, check


async def of_invoice(counter: CardCounter, payment: Payment) -> list[Refund]:
    async with counter.db.reading() as conn:
        return await records.of_invoice(conn, payment.merchant_id, payment.invoice_id)


async def test_a_refund_at_the_desk_is_one_of_ours_however_often_it_is_told(
    counter: CardCounter,
) -> None:
    payment = await counter.pay(await counter.invoice())

    for name in ("re_1", "re_1", "re_2", "re_1"):
        await given_back(counter, payment, 200, name)

    assert await counter.holds("merchant") == "1.00"
    assert (await counter.reread(payment)).refunded == dollars(400)
    made = await of_invoice(counter, payment)
    assert [(one.state, one.source, one.amount) for one in made] == [
        (State.SUCCESS, Source.PROVIDER, dollars(200))
    ] * 2
    told = await counter.db.fetch("SELECT kind FROM event WHERE object = 'refund' ORDER BY id")
    assert [row["kind"] for row in told] == ["refund:success"] * 2
    await must_hold(counter)


async def test_what_the_balance_lacks_is_owed_and_paid_by_what_he_earns_next(
    counter: CardCounter,
) -> None:
    payment = await counter.pay(await counter.invoice())
    await put_away(counter, 400)

    await given_back(counter, payment, 300, "re_1")
    assert await counter.holds("merchant") == "0.00"
    assert await counter.holds("merchant:owes") == "2.00"
    await counter.pay(await counter.invoice())

    assert await counter.holds("merchant:owes") == "0.00"
    assert await counter.holds("merchant") == "3.00"
    await must_hold(counter)


async def test_one_that_comes_back_is_in_the_balance_again(counter: CardCounter) -> None:
    payment = await counter.pay(await counter.invoice())
    await given_back(counter, payment, 200, "re_1")

    for _ in range(2):
        await given_back(counter, payment, 200, "re_1", Kind.REFUND_REFUSED)
    await given_back(counter, payment, 200, "re_9", Kind.REFUND_REFUSED)

    assert await counter.holds("merchant") == "5.00"
    assert (await counter.reread(payment)).refunded == dollars(0)
    await must_hold(counter)


async def test_one_that_crosses_ours_waits_until_ours_is_decided(counter: CardCounter) -> None:
    payment = await counter.pay(await counter.invoice())
    ours = await ask(counter, payment, 400)

    with pytest.raises(NotYet):
        await given_back(counter, payment, 500, "re_1")
    await record_refund(
        counter.db, ours.merchant_id, ours.id, outcome(Kind.REFUND_REFUSED), at=clock.now()
    )
    await given_back(counter, payment, 500, "re_1")

    assert await counter.holds("merchant") == "0.00"
    assert await counter.holds("merchant:owes") == "0.00"
    await must_hold(counter)


async def test_more_than_was_taken_is_booked_nowhere_and_told(
    counter: CardCounter, caplog: pytest.LogCaptureFixture
) -> None:
    payment = await counter.pay(await counter.invoice())

    await given_back(counter, payment, 501, "re_1")

    assert await counter.movements() == ["capture"]
    assert "a refund at the provider that cannot be booked" in caplog.text


async def test_before_its_payment_is_known_it_is_to_be_told_again(counter: CardCounter) -> None:
    counter.card_bank.says = no_answer()
    payment = await counter.pay(await counter.invoice())

    with pytest.raises(NotCaptured):
        await given_back(counter, payment, 500, "re_1")

    await counter.hear_of(payment, Kind.CAPTURED, amount=dollars(500))
    await given_back(counter, payment, 500, "re_1")
    assert (await counter.reread(payment)).refunded == dollars(500)
    await must_hold(counter)
