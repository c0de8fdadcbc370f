"""A notification finds what it speaks of, by whichever name the provider uses, and moves it once."""

import pytest

from nonstopay import clock
from nonstopay.business.payments.captures.ask import ask as ask_capture
from nonstopay.business.payments.refunds.ask import ask as ask_refund
from nonstopay.business.payments.refunds.refund import key_of
from nonstopay.business.payments.states import State
from nonstopay.business.payments.take_in import take_in
from nonstopay.connectors.base import Notice
from nonstopay.connectors.outcome import DisputeNews, DisputeStage, Kind, Outcome
from nonstopay.errors import IllegalTransition, NotFound
from nonstopay.store.db import Database
from tests.unit.payments.card_counter import CARD_BANK, CardCounter, dollars, open_card_counter
from tests.unit.payments.counter import no_answer, outcome


@pytest.fixture
async def counter(database: Database) -> CardCounter:
    return await open_card_counter(database)


async def hear(counter: CardCounter, outcome: Outcome | None, **names: str) -> None:
    notice = Notice(reference=names.pop("reference", ""), outcome=outcome, **names)
    await take_in(counter.db, CARD_BANK, notice, at=clock.now())


async def test_by_the_providers_own_name(counter: CardCounter) -> None:
    counter.card_bank.says = outcome(
        Kind.WAITING, link="https://i.example", provider_reference="pi_1"
    )
    payment = await counter.pay(await counter.invoice())

    await hear(counter, outcome(Kind.CAPTURED, amount=dollars(500)), provider_reference="pi_1")

    assert (await counter.reread(payment)).state is State.CAPTURED


async def test_a_refund_by_its_key(counter: CardCounter) -> None:
    payment = await counter.pay(await counter.invoice())
    async with counter.db.transaction() as tx:
        refund, _ = await ask_refund(
            tx, payment.merchant_id, payment.invoice_id, None, note=None, at=clock.now()
        )

    for _ in range(2):
        await hear(
            counter,
            outcome(Kind.REFUNDED, amount=dollars(500)),
            reference=payment.reference,
            key=key_of(refund.id),
        )

    assert await counter.movements() == ["capture", "refund_asked", "refund_to_payer"]


async def test_a_capture_by_its_key(database: Database) -> None:
    counter = await open_card_counter(database, captures_by_hand=True)
    payment = await counter.pay(await counter.invoice())
    async with counter.db.transaction() as tx:
        capture, _ = await ask_capture(
            tx, payment.merchant_id, payment.invoice_id, dollars(200), final=False, at=clock.now()
        )
    told = outcome(Kind.CAPTURED, amount=dollars(200))

    await hear(counter, told, reference=payment.reference, key=capture.key)
    await hear(counter, told, reference=payment.reference, key=capture.key)
    await hear(counter, told, reference=payment.reference)

    assert (await counter.reread(payment)).captured == dollars(200)
    assert await counter.holds("merchant") == "2.00"


async def test_a_chargeback(counter: CardCounter) -> None:
    payment = await counter.pay(await counter.invoice())
    news = DisputeNews(reference="dp_1", stage=DisputeStage.CHARGEBACK)

    await hear(counter, outcome(Kind.DISPUTED, dispute=news), provider_reference="card_bank-1")

    assert await counter.holds("merchant") == "0.00"
    assert (await counter.seen(payment.invoice_id)).state == "chargeback"


async def test_a_hint_has_the_worker_ask(counter: CardCounter) -> None:
    counter.card_bank.says = no_answer()
    payment = await counter.pay(await counter.invoice())

    await hear(counter, None, reference=payment.reference)

    due = await counter.db.fetchval("SELECT run_at FROM job WHERE key = $1", str(payment.id))
    assert due <= clock.now()


async def test_what_is_not_ours_or_cannot_be_is_refused(counter: CardCounter) -> None:
    payment = await counter.pay(await counter.invoice())

    with pytest.raises(NotFound):
        await hear(counter, outcome(Kind.CAPTURED, amount=dollars(500)), reference="NSP0C0")
    with pytest.raises(IllegalTransition):
        await hear(counter, outcome(Kind.CAPTURE_REFUSED), reference=payment.reference)
    assert await counter.movements() == ["capture"]


async def test_a_key_of_another_payment_is_refused(database: Database) -> None:
    counter = await open_card_counter(database, captures_by_hand=True)
    first, second = [await counter.pay(await counter.invoice()) for _ in range(2)]
    captures = []
    for payment in (first, second):
        async with counter.db.transaction() as tx:
            asked, _ = await ask_capture(
                tx, payment.merchant_id, payment.invoice_id, None, final=True, at=clock.now()
            )
        captures.append(asked)
    capture, _ = captures
    told = outcome(Kind.CAPTURED, amount=dollars(500))

    with pytest.raises(NotFound):
        await hear(counter, told, reference=second.reference, key=capture.key)
    await hear(counter, told, reference=first.reference, key=capture.key)
    async with counter.db.transaction() as tx:
        refund, _ = await ask_refund(
            tx, first.merchant_id, first.invoice_id, None, note=None, at=clock.now()
        )
    gone = outcome(Kind.REFUNDED, amount=dollars(500))
    with pytest.raises(NotFound):
        await hear(counter, gone, reference=second.reference, key=key_of(refund.id))

    assert await counter.movements() == ["capture", "refund_asked"]
    assert (await counter.reread(second)).state is State.AUTHORISED
