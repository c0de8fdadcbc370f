"""Batches: collected once, closed once, paid once, and every invoice told."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from nonstopay import clock
from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.describe import describe_events, public_data
from nonstopay.business.payments.disputes.record_news import record_news
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.refunds.ask import BalanceTooLow, ask
from nonstopay.business.settlement import records
from nonstopay.business.settlement import tell as module
from nonstopay.business.settlement.close import close_due
from nonstopay.business.settlement.pay import pay
from nonstopay.business.settlement.record import record
from nonstopay.business.settlement.terms import Cadence, Terms
from nonstopay.business.transactions.payout import Refused, Sent, Unknown
from nonstopay.connectors.outcome import DisputeNews, DisputeStage, Kind
from nonstopay.errors import IllegalTransition
from nonstopay.money import Money
from nonstopay.store.outbox import Event
from tests.unit.payments.counter import move_to, outcome
from tests.unit.settlement.treasury import AT_ONCE, USD, USDC, WALLET, Treasury


async def dispute(treasury: Treasury, payment: Payment, stage: DisputeStage) -> None:
    told = DisputeNews(reference="dp_1", stage=stage, reason="10.4")
    said = outcome(Kind.DISPUTED, dispute=told)
    await record_news(treasury.db, payment.merchant_id, payment.id, said, at=clock.now())


async def refund(treasury: Treasury, payment: Payment, cents: int) -> None:
    async with treasury.db.transaction() as tx:
        await ask(
            tx,
            payment.merchant_id,
            payment.invoice_id,
            Money(cents, USD),
            note=None,
            at=clock.now(),
        )


async def test_what_was_earned_arrives_in_the_wallet_and_the_invoice_is_paid(
    treasury: Treasury,
) -> None:
    await treasury.charge("10")
    payment = await treasury.earn(100)

    batch = await treasury.settle()

    [order] = treasury.sender.asked
    assert (order.address, order.network, order.amount.text()) == (WALLET, "polygon", "0.900000")
    assert order.root == batch.root
    assert await treasury.status(payment) == "paid"
    assert await treasury.holds("merchant") == "0.00"
    assert await treasury.holds("merchant:settling", USDC) == "0.000000"
    assert await treasury.holds("liquidity:polygon", USDC) == "-0.900000"
    assert await treasury.counter.movements() == ["capture", "settle", "settled"]
    await treasury.must_hold()


async def test_the_merchant_hears_the_transfer_and_what_it_brought(treasury: Treasury) -> None:
    await treasury.charge("10")
    payment = await treasury.earn(100)
    batch = await treasury.settle()
    invoice = await treasury.counter.seen(payment.invoice_id)

    assert invoice.tx_hash == batch.tx_hash
    assert bytes(public_data(invoice, "")["totalAmount"]) == b"0.9"
    rows = await treasury.db.fetch("SELECT * FROM event WHERE object = 'invoice' ORDER BY id")
    assert [row["kind"] for row in rows][-1] == "invoice:paid"
    names = ("id", "merchant_id", "kind", "object", "object_id", "version", "facts", "created_at")
    paid = Event(**{name: rows[-1][name] for name in names})
    [told] = await describe_events(treasury.db, [paid])
    assert (told["status"], told["totalCurrency"]) == ("invoice:paid", "USDC")
    assert bytes(told["totalAmount"]) == b"0.9"


async def test_twenty_workers_close_one_batch(treasury: Treasury) -> None:
    for _ in range(3):
        await treasury.earn()

    closed = await asyncio.gather(*(treasury.close() for _ in range(20)))

    [batch] = [one for one in closed if one is not None]
    assert batch.amount.text() == "15.000000"
    await treasury.must_hold()


async def test_a_worker_that_dies_after_asking_asks_again_under_the_same_key(
    treasury: Treasury,
) -> None:
    await treasury.earn()
    batch = await treasury.closed()
    treasury.sender.says = [Unknown("no answer"), Sent("0xa1"), Unknown("no answer")]

    for _ in range(3):
        batch = await treasury.pay(batch)
        assert batch.state == "paying"
    assert batch.tx_hash == "0xa1"
    batch = await treasury.pay(batch)

    assert batch.state == "paid"
    assert {order.key for order in treasury.sender.asked} == {f"settlement-1-{batch.id}-1"}
    await treasury.must_hold()


async def test_ten_workers_pay_one_batch_once(treasury: Treasury) -> None:
    payment = await treasury.earn()
    batch = await treasury.closed()

    await asyncio.gather(*(treasury.pay(batch) for _ in range(10)))

    assert len(treasury.sender.paid) == 1
    assert (await treasury.counter.events(await treasury.counter.seen(payment.invoice_id)))[
        -1
    ] == "invoice:paid"
    assert await treasury.counter.movements() == ["capture", "settle", "settled"]
    await treasury.must_hold()


async def test_a_refusal_is_asked_again_under_another_key_and_to_todays_wallet(
    treasury: Treasury,
) -> None:
    await treasury.earn()
    treasury.sender.says = [Refused("above the limit of a day")]

    refused = await treasury.settle()
    assert (refused.state, refused.refusal) == ("closed", "above the limit of a day")
    other = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
    await treasury.db.execute("UPDATE merchant SET wallet_address = $1", other)
    paid = await treasury.pay(refused)

    assert (paid.state, paid.address, paid.refusal) == ("paid", other, None)
    assert [order.key[-1] for order in treasury.sender.asked] == ["1", "2"]
    await treasury.must_hold()


async def test_news_of_an_earlier_attempt_are_none(treasury: Treasury) -> None:
    await treasury.earn()
    treasury.sender.says = [Refused("no gas"), Unknown("?")]
    batch = await treasury.pay(await treasury.settle())

    after = await record(treasury.db, 1, batch.id, 1, Refused("no gas, told late"), at=clock.now())

    assert (after.state, after.refusal) == ("paying", None)
    batch = await treasury.pay(batch)
    with pytest.raises(IllegalTransition):
        await record(treasury.db, 1, batch.id, 2, Refused("after all"), at=clock.now())


async def test_disputed_withheld_and_uncleared_money_waits(treasury: Treasury) -> None:
    asked_about = await treasury.earn(700)
    await dispute(treasury, asked_about, DisputeStage.INQUIRY)
    treasury.rules = replace(AT_ONCE, clearing={"CARD": timedelta(days=2)})
    assert await treasury.close(now=True) is None

    fresh_later = datetime.now(UTC) + timedelta(days=1)
    due = await treasury.earn(500)
    move_to(fresh_later)
    await treasury.earn(900)
    move_to(fresh_later + timedelta(days=1, minutes=1))
    batch = await treasury.settle()

    assert batch.amount.text() == "5.000000"
    assert await treasury.status(due) == "paid"
    assert await treasury.status(asked_about) == "awaiting_approval"
    assert await treasury.holds("merchant") == "16.00"
    await treasury.must_hold()


async def test_a_refund_before_settlement_is_not_paid_out(treasury: Treasury) -> None:
    await refund(treasury, await treasury.earn(500), 200)

    assert (await treasury.settle()).amount.text() == "3.000000"
    await treasury.must_hold()


async def test_a_refund_after_settlement_comes_out_of_the_next_batch(treasury: Treasury) -> None:
    settled = await treasury.earn(500)
    await treasury.settle()
    with pytest.raises(BalanceTooLow):
        await refund(treasury, settled, 200)

    await treasury.earn(1000)
    await refund(treasury, settled, 200)
    batch = await treasury.settle()

    assert batch.amount.text() == "8.000000"
    async with treasury.db.reading() as conn:
        [part] = await records.parts(conn, batch)
    assert (part.gross.text(), part.adjustment.text()) == ("10.00", "-2.00")
    await treasury.must_hold()


async def test_a_chargeback_after_settlement_is_owed_and_the_merchant_is_paid_less(
    treasury: Treasury,
) -> None:
    settled = await treasury.earn(500)
    await treasury.settle()

    await dispute(treasury, settled, DisputeStage.CHARGEBACK)
    assert await treasury.holds("merchant:owes") == "5.00"
    assert await treasury.status(settled) == "chargeback"
    await treasury.earn(800)
    batch = await treasury.settle()

    assert batch.amount.text() == "3.000000"
    assert await treasury.holds("merchant:owes") == "0.00"
    await treasury.must_hold()


async def test_a_dispute_won_after_settlement_leaves_the_invoice_paid_and_pays_what_came_back(
    treasury: Treasury,
) -> None:
    settled = await treasury.earn(500)
    await treasury.settle()
    await dispute(treasury, settled, DisputeStage.CHARGEBACK)
    await treasury.earn(800)
    await treasury.settle()

    await dispute(treasury, settled, DisputeStage.WON)

    assert await treasury.status(settled) == "paid"
    batch = await treasury.settle()
    assert batch.amount.text() == "5.000000"
    await treasury.must_hold()


async def test_a_chargeback_on_the_way_leaves_the_invoice_charged_back(treasury: Treasury) -> None:
    payment = await treasury.earn(500)
    batch = await treasury.closed()
    await dispute(treasury, payment, DisputeStage.CHARGEBACK)

    await treasury.pay(batch)

    assert await treasury.status(payment) == "chargeback"
    assert await treasury.holds("merchant:owes") == "5.00"
    assert (await treasury.counter.seen(payment.invoice_id)).tx_hash is not None
    await treasury.must_hold()


async def test_another_currency_is_exchanged_at_the_rate_of_the_day_and_the_markup_is_shown(
    treasury: Treasury,
) -> None:
    await treasury.agree(fx_percent=Decimal("0.5"))
    euros = await treasury.earn(1000, "EUR")
    await treasury.earn(500)

    batch = await treasury.settle()

    async with treasury.db.reading() as conn:
        in_euros, in_dollars = await records.parts(conn, batch)
    assert (in_dollars.rate.source, in_dollars.total.text()) == ("par", "5.000000")
    assert in_euros.rate.source == "ECB"
    assert in_euros.rate.at <= clock.now()
    mid = Decimal(10) * in_euros.rate.mid
    assert in_euros.converted.decimal() == mid.quantize(Decimal("0.000001"), "ROUND_DOWN")
    assert await treasury.holds("platform:fx", USDC) == in_euros.markup.text()
    assert batch.amount == in_euros.total + in_dollars.total
    async with treasury.db.reading() as conn:
        invoice = await invoices.find(conn, 1, euros.invoice_id)
    assert invoice is not None
    assert invoice.settled == in_euros.total
    await treasury.must_hold()


async def test_a_reserve_is_set_aside_and_comes_back_by_date(treasury: Treasury) -> None:
    await treasury.agree(reserve_percent=Decimal(10), reserve_days=30)
    await treasury.earn(1000)

    batch = await treasury.settle()
    assert batch.amount.text() == "9.000000"
    assert await treasury.holds("merchant:reserve") == "1.00"
    assert await treasury.close(now=True) is None
    await treasury.must_hold()

    move_to(clock.now() + timedelta(days=30))
    assert await close_due(treasury.db, treasury.rules, clock.now()) == 1
    assert await treasury.holds("merchant:reserve") == "0.00"
    assert await treasury.holds("merchant:settling", USDC) == "1.000000"
    await treasury.must_hold()


async def test_a_partner_gets_his_share_of_our_fee(treasury: Treasury) -> None:
    await treasury.charge("10")
    await treasury.agree(partner="7", partner_percent=Decimal(25))
    await treasury.earn(1000)

    assert (await treasury.settle()).amount.text() == "9.000000"
    assert await treasury.holds("partner:7") == "0.25"
    assert await treasury.holds("platform:fees") == "0.75"
    await treasury.must_hold()


async def test_no_wallet_no_batch(treasury: Treasury) -> None:
    await treasury.earn()
    await treasury.db.execute("UPDATE merchant SET wallet_active = false")

    assert await treasury.close(now=True) is None


NOON = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
MORNING = datetime(2026, 5, 4, 11, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cadence", "last", "ripe"),
    [
        (Cadence.EACH_PAYMENT, NOON, True),
        (Cadence.HOURLY, None, True),
        (Cadence.HOURLY, MORNING, True),
        (Cadence.HOURLY, NOON.replace(minute=0), False),
        (Cadence.DAILY, MORNING, False),
        (Cadence.DAILY, MORNING - timedelta(days=1), True),
    ],
)
def test_a_cadence_is_once_in_its_hour_or_day(
    cadence: Cadence, last: datetime | None, ripe: bool
) -> None:
    assert Terms(cadence=cadence).is_ripe(Money(1, USDC), last, NOON) is ripe


async def test_a_threshold_waits_until_it_is_reached(treasury: Treasury) -> None:
    await treasury.agree(cadence=Cadence.THRESHOLD, threshold=Decimal(10))
    await treasury.earn(999)
    assert await treasury.close() is None

    await treasury.earn(1)
    assert (await treasury.closed()).amount.text() == "10.000000"


async def test_a_merchant_in_trouble_does_not_hold_up_the_others(treasury: Treasury) -> None:
    """A wallet in a coin that nobody is settled in any more."""
    await treasury.earn()
    await treasury.db.execute("UPDATE merchant SET wallet_network = 'solana'")

    assert await close_due(treasury.db, treasury.rules, clock.now()) == 0

    await treasury.db.execute("UPDATE merchant SET wallet_network = 'polygon'")
    assert await close_due(treasury.db, treasury.rules, clock.now()) == 1


async def test_whoever_told_half_of_a_batch_goes_on_where_he_was(
    treasury: Treasury, monkeypatch: pytest.MonkeyPatch
) -> None:
    payments = [await treasury.earn() for _ in range(3)]
    batch = await treasury.closed()
    at = clock.now()
    await pay(treasury.db, treasury.sender, 1, batch.id, attempts=1, at=at)
    monkeypatch.setattr(module, "AT_ONCE", 2)

    await asyncio.gather(*(module.tell(treasury.db, 1, batch.id, at=at) for _ in range(4)))

    assert [await treasury.status(payment) for payment in payments] == ["paid"] * 3
    for payment in payments:
        invoice = await treasury.counter.seen(payment.invoice_id)
        assert (await treasury.counter.events(invoice)).count("invoice:paid") == 1
    await treasury.must_hold()
