"""Money that somebody must look at: withheld at once, then the merchant's, the payer's, or his bank's."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from nonstopay import clock
from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.invoices.states import State as InvoiceState
from nonstopay.business.merchants import change
from nonstopay.business.merchants.change import Changes
from nonstopay.business.payments.captures import ask as captures
from nonstopay.business.payments.captures.carry_out import carry_out as carry_out_capture
from nonstopay.business.payments.disputes.record_news import record_news
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.proof.prove import prove
from nonstopay.business.payments.refunds import ask as refunds
from nonstopay.business.payments.refunds.carry_out import carry_out as carry_out_refund
from nonstopay.business.payments.refuse import refuse
from nonstopay.business.payments.review import records
from nonstopay.business.payments.review.release import NotHeld, release
from nonstopay.business.payments.review.states import State
from nonstopay.business.payments.states import State as PaymentState
from nonstopay.business.risk.issuers import Issuers
from nonstopay.business.risk.limits import Policy
from nonstopay.connectors.charge import Payer
from nonstopay.connectors.outcome import DisputeNews, DisputeStage, Kind, Reason
from nonstopay.money import Money
from nonstopay.store.db import Database
from tests.unit.payments.card_counter import (
    CardCounter,
    dollars,
    open_card_counter,
    refused,
)
from tests.unit.payments.counter import outcome

FROM_ABROAD = Payer(email="asha@example.com", country="IN")
FIVE_PERCENT = Changes(fee_percent=Decimal(5), fee_fixed=Decimal(0))


@pytest.fixture
async def counter(database: Database) -> CardCounter:
    """A counter that keeps 5 % and looks at cards from another country than their payer."""
    cards = await open_card_counter(database)
    async with database.transaction() as tx:
        await change.change(tx, cards.merchant.id, FIVE_PERCENT)
    american = Policy(issuers=Issuers({"424242": "US"}))
    cards.rails = replace(cards.rails, risk=american)
    return cards


async def withheld(counter: CardCounter) -> tuple[Invoice, Payment]:
    """An invoice over five dollars that was paid with a card from abroad."""
    invoice = await counter.invoice()
    return invoice, await counter.pay(invoice, payer=FROM_ABROAD)


async def released(counter: CardCounter, invoice: Invoice) -> None:
    async with counter.db.transaction() as tx:
        await release(tx, counter.merchant.id, invoice.id, note="called him", at=clock.now())


async def refunded(counter: CardCounter, invoice: Invoice, amount: Money | None) -> int:
    """The id of a refund that the merchant asked for."""
    async with counter.db.transaction() as tx:
        refund, _ = await refunds.ask(
            tx, counter.merchant.id, invoice.id, amount, note=None, at=clock.now()
        )
    return refund.id


async def refusal(counter: CardCounter, invoice: Invoice) -> int | None:
    """The id of the refund that the operator's refusal made."""
    async with counter.db.transaction() as tx:
        refund = await refuse(tx, counter.merchant.id, invoice.id, note="", at=clock.now())
    return refund.id if refund else None


async def sent(counter: CardCounter, refund_id: int | None) -> None:
    assert refund_id is not None
    await carry_out_refund(
        counter.db, counter.rails, counter.merchant.id, refund_id, attempts=0, at=clock.now()
    )


async def state_of(counter: CardCounter, payment: Payment) -> State:
    async with counter.db.reading() as conn:
        review = await records.find(conn, payment.merchant_id, payment.id)
    assert review is not None
    return review.state


async def broken(counter: CardCounter) -> list[str]:
    async with counter.db.reading() as conn:
        return [failure for check in await prove(conn) for failure in check.failures]


async def test_the_charge_goes_on_and_the_money_is_withheld_at_once(counter: CardCounter) -> None:
    invoice, payment = await withheld(counter)

    assert payment.state is PaymentState.CAPTURED
    assert (await counter.seen(invoice.id)).state is InvoiceState.WITHHELD
    assert await counter.events(invoice) == [
        "invoice:created",
        "invoice:opened",
        "invoice:withheld",
    ]
    assert await counter.movements() == ["capture", "withhold"]
    assert await counter.holds("merchant") == "0.00"
    assert await counter.holds("merchant:withheld") == "4.75"
    assert await broken(counter) == []


async def test_an_ordinary_payment_is_not(counter: CardCounter) -> None:
    invoice = await counter.invoice()

    await counter.pay(invoice, payer=Payer(email="asha@example.com", country="US"))

    assert (await counter.seen(invoice.id)).state is InvoiceState.AWAITING_APPROVAL
    assert await counter.holds("merchant:withheld") == "0.00"


async def test_released_it_is_the_merchants_and_he_hears_of_it(counter: CardCounter) -> None:
    invoice, payment = await withheld(counter)

    await released(counter, invoice)

    assert (await counter.seen(invoice.id)).state is InvoiceState.AWAITING_APPROVAL
    assert (await counter.events(invoice))[-1] == "invoice:awaiting_approval"
    assert await counter.holds("merchant") == "4.75"
    assert await counter.holds("merchant:withheld") == "0.00"
    assert await state_of(counter, payment) is State.RELEASED
    [news] = await counter.db.fetch("SELECT * FROM payment_news WHERE outcome = 'review_released'")
    assert "called him" in str(news["facts"])
    assert await broken(counter) == []


async def test_of_many_decisions_at_one_moment_one_counts(counter: CardCounter) -> None:
    invoice, _ = await withheld(counter)

    decided = await asyncio.gather(
        *(released(counter, invoice) for _ in range(4)),
        *(refusal(counter, invoice) for _ in range(4)),
        return_exceptions=True,
    )

    assert sum(not isinstance(one, BaseException) for one in decided) == 1
    assert sum(isinstance(one, NotHeld) for one in decided) == 7
    assert await broken(counter) == []


async def test_refused_all_of_it_goes_back_to_the_payer_and_nobody_earned(
    counter: CardCounter,
) -> None:
    invoice, payment = await withheld(counter)

    await sent(counter, await refusal(counter, invoice))

    assert counter.card_bank.acts[-1] == ("refund refund-1", "5.00")
    assert (await counter.reread(payment)).refunded == dollars(500)
    for account in ("merchant", "merchant:withheld", "platform:fees", "payer"):
        assert await counter.holds(account) == "0.00", account
    assert (await counter.seen(invoice.id)).state is InvoiceState.WITHHELD
    assert "invoice:awaiting_approval" not in await counter.events(invoice)
    assert await broken(counter) == []


async def test_a_refund_that_fails_is_withheld_again(counter: CardCounter) -> None:
    invoice, payment = await withheld(counter)
    counter.card_bank.says = outcome(Kind.REFUND_REFUSED, detail="account closed")

    await sent(counter, await refusal(counter, invoice))

    assert await state_of(counter, payment) is State.HELD
    assert await counter.holds("merchant") == "0.00"
    assert await counter.holds("merchant:withheld") == "5.00"
    assert await broken(counter) == []

    counter.card_bank.says = None
    await sent(counter, await refusal(counter, invoice))
    assert (await counter.reread(payment)).refunded == dollars(500)
    assert await broken(counter) == []


async def test_the_merchant_may_give_back_what_is_withheld(counter: CardCounter) -> None:
    invoice, payment = await withheld(counter)

    await sent(counter, await refunded(counter, invoice, dollars(200)))
    assert await counter.holds("merchant:withheld") == "2.75"
    with pytest.raises(refunds.BalanceTooLow):  # our fee of the rest he has not earned elsewhere
        await refunded(counter, invoice, None)
    assert await counter.holds("merchant:withheld") == "2.75"
    assert await broken(counter) == []

    await sent(counter, await refusal(counter, invoice))
    assert (await counter.reread(payment)).refunded == dollars(500)
    assert await counter.holds("merchant") == "0.00"
    assert await broken(counter) == []


async def test_a_chargeback_takes_first_what_is_withheld(counter: CardCounter) -> None:
    invoice, payment = await withheld(counter)
    news = DisputeNews(reference="dp_1", stage=DisputeStage.CHARGEBACK, reason="10.4")
    told = outcome(Kind.DISPUTED, amount=dollars(500), dispute=news)

    dispute = await record_news(counter.db, payment.merchant_id, payment.id, told, at=clock.now())

    assert dispute is not None
    assert dispute.covered == dollars(475)
    assert await counter.movements() == ["capture", "withhold", "release", "chargeback"]
    assert await counter.holds("merchant:withheld") == "0.00"
    assert await counter.holds("merchant:owes") == "0.25"
    assert (await counter.seen(invoice.id)).state is InvoiceState.CHARGEBACK
    assert await state_of(counter, payment) is State.TAKEN
    with pytest.raises(NotHeld):
        await released(counter, invoice)
    assert await broken(counter) == []


async def disputed(
    counter: CardCounter, payment: Payment, stage: DisputeStage, amount: Money
) -> None:
    news = DisputeNews(reference="dp_1", stage=stage)
    told = outcome(Kind.DISPUTED, amount=amount, dispute=news)
    await record_news(counter.db, payment.merchant_id, payment.id, told, at=clock.now())


async def test_a_chargeback_of_a_part_leaves_the_rest_withheld(counter: CardCounter) -> None:
    invoice, payment = await withheld(counter)

    await disputed(counter, payment, DisputeStage.CHARGEBACK, dollars(150))

    assert await counter.holds("merchant:withheld") == "3.25"
    assert await counter.holds("merchant") == "0.00"
    assert await state_of(counter, payment) is State.HELD
    assert (await counter.seen(invoice.id)).state is InvoiceState.CHARGEBACK
    assert await broken(counter) == []

    await disputed(counter, payment, DisputeStage.WON, dollars(150))
    assert await counter.holds("merchant:withheld") == "4.75"
    assert (await counter.seen(invoice.id)).state is InvoiceState.WITHHELD
    await released(counter, invoice)
    assert await counter.holds("merchant") == "4.75"
    assert (await counter.seen(invoice.id)).state is InvoiceState.AWAITING_APPROVAL
    assert await broken(counter) == []


async def test_after_a_chargeback_of_a_part_the_rest_can_be_released_or_refused(
    counter: CardCounter,
) -> None:
    kept, payment = await withheld(counter)
    await disputed(counter, payment, DisputeStage.CHARGEBACK, dollars(150))
    await released(counter, kept)
    assert await counter.holds("merchant") == "3.25"
    assert (await counter.seen(kept.id)).state is InvoiceState.CHARGEBACK

    given, payment = await withheld(counter)
    news = DisputeNews(reference="dp_2", stage=DisputeStage.LOST)
    told = outcome(Kind.DISPUTED, amount=dollars(150), dispute=news)
    await record_news(counter.db, payment.merchant_id, payment.id, told, at=clock.now())
    await sent(counter, await refusal(counter, given))

    assert counter.card_bank.acts[-1][1] == "3.50", "what the bank has not"
    assert await counter.holds("merchant") == "3.25"
    assert await broken(counter) == []


async def test_a_bank_that_only_asks_changes_nothing(counter: CardCounter) -> None:
    invoice, payment = await withheld(counter)
    news = DisputeNews(reference="dp_1", stage=DisputeStage.INQUIRY)

    await record_news(
        counter.db,
        payment.merchant_id,
        payment.id,
        outcome(Kind.DISPUTED, amount=dollars(500), dispute=news),
        at=clock.now(),
    )

    assert (await counter.seen(invoice.id)).state is InvoiceState.WITHHELD
    assert await counter.holds("merchant:withheld") == "4.75"


async def test_debts_are_paid_by_what_is_released_not_by_what_is_withheld(
    counter: CardCounter,
) -> None:
    _, lost = await withheld(counter)
    news = DisputeNews(reference="dp_1", stage=DisputeStage.LOST)
    told = outcome(Kind.DISPUTED, amount=dollars(500), dispute=news)
    await record_news(counter.db, lost.merchant_id, lost.id, told, at=clock.now())

    invoice, _ = await withheld(counter)
    assert await counter.holds("merchant:owes") == "0.25"
    await released(counter, invoice)

    assert await counter.holds("merchant:owes") == "0.00"
    assert await counter.holds("merchant") == "4.50"
    assert await broken(counter) == []


async def test_every_part_of_a_capture_by_hand_is_withheld(counter: CardCounter) -> None:
    counter.merchant = replace(counter.merchant, captures_by_hand=True)
    invoice, payment = await withheld(counter)
    assert payment.state is PaymentState.AUTHORISED

    for amount, held in ((200, "1.90"), (300, "4.75")):
        async with counter.db.transaction() as tx:
            asked, _ = await captures.ask(
                tx, payment.merchant_id, invoice.id, dollars(amount), final=False, at=clock.now()
            )
        await carry_out_capture(
            counter.db,
            counter.rails,
            payment.merchant_id,
            payment.id,
            asked.number,
            attempts=0,
            at=clock.now(),
        )
        assert await counter.holds("merchant:withheld") == held
        assert (await counter.seen(invoice.id)).state is InvoiceState.WITHHELD

    await released(counter, invoice)
    assert await counter.holds("merchant") == "4.75"
    assert await broken(counter) == []


async def test_of_what_was_refused_nothing_more_is_captured(counter: CardCounter) -> None:
    counter.merchant = replace(counter.merchant, captures_by_hand=True)
    invoice, payment = await withheld(counter)
    async with counter.db.transaction() as tx:
        await captures.ask(
            tx, payment.merchant_id, invoice.id, dollars(200), final=False, at=clock.now()
        )
    await carry_out_capture(
        counter.db,
        counter.rails,
        payment.merchant_id,
        payment.id,
        1,
        attempts=0,
        at=clock.now(),
    )
    await refusal(counter, invoice)

    async with counter.db.transaction() as tx:
        with pytest.raises(captures.NotCapturable):
            await captures.ask(
                tx, payment.merchant_id, invoice.id, None, final=True, at=clock.now()
            )


async def test_money_that_comes_late_is_withheld_too(counter: CardCounter) -> None:
    counter.card_bank.says = refused(Reason.INSUFFICIENT_FUNDS)
    invoice = await counter.invoice(direct=True)
    payment = await counter.pay(invoice, payer=FROM_ABROAD, direct=True)
    assert (await counter.seen(invoice.id)).state is InvoiceState.FAILED

    await counter.hear_of(payment, Kind.CAPTURED, amount=payment.charged)

    assert (await counter.seen(invoice.id)).state is InvoiceState.WITHHELD
    assert await counter.holds("merchant:withheld") == "4.75"
    assert await broken(counter) == []


async def test_the_proof_finds_withheld_money_that_no_review_holds(counter: CardCounter) -> None:
    invoice, _ = await withheld(counter)
    await counter.db.fetch("UPDATE review SET held_minor = held_minor - 1")
    assert await broken(counter) == [
        "merchant 1: reviews hold 474 USD in minor units, withheld in the book are 475"
    ]

    await counter.db.fetch("UPDATE review SET state = 'released', held_minor = 475")
    said = await broken(counter)
    assert f"invoice {invoice.id} of merchant 1 is withheld, its review is released" in said
