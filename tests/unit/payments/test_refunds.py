"""A merchant gives money back: set aside at once, sent once, never more than was paid."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from nonstopay import clock
from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.payments.proof.prove import prove
from nonstopay.business.payments.refunds import records
from nonstopay.business.payments.refunds.ask import BalanceTooLow, NotRefundable, ask
from nonstopay.business.payments.refunds.carry_out import carry_out, record_refund
from nonstopay.business.payments.refunds.refund import Refund, id_of, key_of
from nonstopay.business.payments.refunds.states import State
from nonstopay.business.payments.refunds.tell import describe_refund
from nonstopay.connectors.outcome import Kind
from nonstopay.errors import InvalidAmount
from nonstopay.money import Money, fiat
from nonstopay.store.db import Database
from tests.unit.payments.card_counter import CardCounter, dollars, open_card_counter
from tests.unit.payments.counter import no_answer, outcome


@pytest.fixture
async def counter(database: Database) -> CardCounter:
    return await open_card_counter(database)


async def a_paid_invoice(counter: CardCounter) -> Invoice:
    invoice = await counter.invoice()
    await counter.pay(invoice)
    return invoice


async def give_back(counter: CardCounter, invoice: Invoice, amount: Money | None = None) -> Refund:
    async with counter.db.transaction() as tx:
        refund, _ = await ask(
            tx, invoice.merchant_id, invoice.id, amount, note="returned", at=clock.now()
        )
    return refund


async def send(counter: CardCounter, refund: Refund) -> Refund:
    await carry_out(
        counter.db, counter.rails, refund.merchant_id, refund.id, attempts=1, at=clock.now()
    )
    async with counter.db.reading() as conn:
        found = await records.find(conn, refund.merchant_id, refund.id)
    assert found is not None
    return found


async def kinds(counter: CardCounter, refund: Refund) -> Sequence[str]:
    rows = await counter.db.fetch(
        "SELECT kind FROM event WHERE object = 'refund' AND object_id = $1 ORDER BY id", refund.id
    )
    return [row["kind"] for row in rows]


async def must_hold(counter: CardCounter) -> None:
    async with counter.db.reading() as conn:
        for check in await prove(conn):
            assert not check.failures, check


async def test_all_of_it_at_once(counter: CardCounter) -> None:
    invoice = await a_paid_invoice(counter)

    refund = await give_back(counter, invoice)

    assert await counter.holds("merchant") == "0.00", "set aside before the provider hears of it"
    done = await send(counter, refund)
    assert done.state is State.SUCCESS
    assert await counter.movements() == ["capture", "refund_asked", "refund_to_payer"]
    assert await kinds(counter, refund) == ["refund:pending", "refund:success"]
    assert counter.card_bank.acts[-1] == (f"refund {key_of(refund.id)}", "5.00")
    await must_hold(counter)


async def test_fifty_at_one_moment_give_back_once(counter: CardCounter) -> None:
    invoice = await a_paid_invoice(counter)

    answers = await asyncio.gather(
        *(give_back(counter, invoice, dollars(500)) for _ in range(50)), return_exceptions=True
    )

    refunds = [one for one in answers if isinstance(one, Refund)]
    assert len(refunds) == 1
    assert {type(one) for one in answers} == {Refund, NotRefundable}
    await send(counter, refunds[0])
    assert await counter.holds("payer") == "0.00"
    await must_hold(counter)


async def test_in_parts_until_nothing_is_left(counter: CardCounter) -> None:
    invoice = await a_paid_invoice(counter)
    for part in (200, 299):
        await send(counter, await give_back(counter, invoice, dollars(part)))

    with pytest.raises(InvalidAmount, match=r"0\.01 USD of invoice"):
        await give_back(counter, invoice, dollars(2))
    last = await give_back(counter, invoice)

    assert last.amount == dollars(1)
    with pytest.raises(NotRefundable):
        await give_back(counter, invoice)


async def test_parts_of_a_payment_in_rupees_add_up_to_what_the_payer_paid(
    counter: CardCounter,
) -> None:
    invoice = await counter.invoice()
    payment = await counter.hear(await counter.attempt(invoice), Kind.CAPTURED)
    counter.bank.says = outcome(Kind.REFUNDED)

    parts = []
    for minor in (1, 166, 166, 167):
        parts.append(await send(counter, await give_back(counter, invoice, dollars(minor))))

    rupees = Money(sum(part.charged.minor for part in parts), fiat("INR"))
    assert rupees == payment.charged
    assert {part.state for part in parts} == {State.SUCCESS}
    await must_hold(counter)


async def test_an_answer_that_is_lost_is_asked_for_again_under_the_same_key(
    counter: CardCounter,
) -> None:
    refund = await give_back(counter, await a_paid_invoice(counter))
    counter.card_bank.says = no_answer()
    assert (await send(counter, refund)).state is State.PENDING
    counter.card_bank.says = None

    assert (await send(counter, refund)).state is State.SUCCESS
    keys = [act for act, *_ in counter.card_bank.acts if act.startswith("refund")]
    assert keys == [f"refund refund-{refund.id}"] * 2


async def test_what_the_provider_refuses_is_the_merchants_again(counter: CardCounter) -> None:
    invoice = await a_paid_invoice(counter)
    refund = await give_back(counter, invoice)
    counter.card_bank.says = outcome(Kind.REFUND_REFUSED, detail="charge_disputed")

    failed = await send(counter, refund)

    assert (failed.state, failed.refusal) == (State.FAILED, "charge_disputed")
    assert await counter.holds("merchant") == "5.00"
    counter.card_bank.says = None
    assert (await send(counter, await give_back(counter, invoice))).state is State.SUCCESS
    await must_hold(counter)


async def test_a_refund_may_come_back_after_it_was_done(counter: CardCounter) -> None:
    invoice = await a_paid_invoice(counter)
    refund = await send(counter, await give_back(counter, invoice))

    await record_refund(
        counter.db,
        refund.merchant_id,
        refund.id,
        outcome(Kind.REFUND_REFUSED, detail="expired_or_canceled_card"),
        at=clock.now(),
    )

    assert await counter.holds("merchant") == "5.00"
    assert await kinds(counter, refund) == ["refund:pending", "refund:success", "refund:failed"]
    await must_hold(counter)


async def test_another_sum_than_was_asked_is_no_answer(counter: CardCounter) -> None:
    refund = await give_back(counter, await a_paid_invoice(counter))
    counter.card_bank.says = outcome(Kind.REFUNDED, amount=dollars(499))

    assert (await send(counter, refund)).state is State.PENDING


async def test_money_that_is_not_there_is_not_given_back(counter: CardCounter) -> None:
    counter.merchant = replace(counter.merchant)
    await counter.db.execute("UPDATE merchant SET fee_percent = 10")
    invoice = await a_paid_invoice(counter)

    with pytest.raises(BalanceTooLow, match=r"0\.50 USD are missing"):
        await give_back(counter, invoice)

    assert await counter.movements() == ["capture"]


async def test_an_unpaid_invoice_has_nothing_to_give_back(counter: CardCounter) -> None:
    with pytest.raises(NotRefundable):
        await give_back(counter, await counter.invoice())


async def test_what_the_merchant_hears(counter: CardCounter) -> None:
    refund = await give_back(counter, await a_paid_invoice(counter), dollars(150))
    [event] = await counter.db.fetch("SELECT facts FROM event WHERE object = 'refund'")

    told = await describe_refund(counter.db, refund.merchant_id, refund.id, event["facts"])

    assert (told["status"], told["invoice_id"], bytes(told["amount"])) == (
        "refund:pending",
        refund.invoice_id,
        b"1.5",
    )
    assert told["reason"] == "returned"


def test_a_key_names_its_refund() -> None:
    assert id_of(key_of(17)) == 17
    assert [id_of(other) for other in ("refund-", "refund-x", "capture-1-2", "17")] == [None] * 4
