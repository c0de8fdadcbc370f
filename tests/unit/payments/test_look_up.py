"""Asking the bank: silence is no news, a bank that does not know is doubt, and doubt is asked about."""

from datetime import datetime, timedelta

from nonstopay import clock
from nonstopay.business.payments.look_up import look_up, look_up_now
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.states import State
from nonstopay.connectors.outcome import Kind
from nonstopay.store import jobs
from tests.unit.payments.counter import Counter, move_to, no_answer, outcome


async def ask(counter: Counter, payment: Payment, attempts: int = 1) -> datetime | None:
    at = clock.now()
    return await look_up(
        counter.db, counter.rails, payment.merchant_id, payment.id, attempts=attempts, at=at
    )


async def test_silence_while_the_payer_has_time_changes_nothing(counter: Counter) -> None:
    payment = await counter.attempt(await counter.invoice())
    counter.bank.says = no_answer()

    again_at = await ask(counter, payment)

    assert (await counter.reread(payment)).state is State.WAITING
    assert again_at is not None
    assert again_at <= payment.expires_at + timedelta(seconds=5)


async def test_a_bank_that_knows_the_order_but_not_its_end_is_doubt(counter: Counter) -> None:
    payment = await counter.attempt(await counter.invoice())
    counter.bank.says = outcome(Kind.UNKNOWN, provider_reference="NSP1")

    again_at = await ask(counter, payment)

    assert (await counter.reread(payment)).state is State.UNKNOWN
    assert again_at is not None
    assert again_at - clock.now() <= timedelta(seconds=10), "doubt is asked about soon"


async def test_silence_after_the_codes_end_is_doubt_and_is_asked_about_ever_more_slowly(
    counter: Counter,
) -> None:
    payment = await counter.attempt(await counter.invoice())
    move_to(payment.expires_at + timedelta(seconds=5))

    pauses = []
    for attempts in (1, 5, 50):
        again_at = await ask(counter, payment, attempts)
        assert again_at is not None
        pauses.append(again_at - clock.now())

    assert (await counter.reread(payment)).state is State.UNKNOWN
    assert pauses == sorted(pauses)
    assert pauses[-1] <= timedelta(hours=1)
    counter.bank.says = outcome(Kind.EXPIRED)
    assert await ask(counter, payment) is None
    assert (await counter.reread(payment)).state is State.EXPIRED


async def test_an_order_that_was_never_confirmed_is_not_asked_about_for_ever(
    counter: Counter,
) -> None:
    counter.bank.silent = True
    payment = await counter.attempt(await counter.invoice())
    assert payment.state is State.STARTING
    assert await ask(counter, payment) is not None

    move_to(payment.expires_at + timedelta(seconds=5))

    assert await ask(counter, payment) is None


async def test_a_refused_order_is_asked_about_until_it_can_no_longer_be_paid(
    counter: Counter,
) -> None:
    payment = await counter.attempt(await counter.invoice())
    await counter.hear(payment, Kind.DECLINED)
    counter.bank.says = outcome(Kind.DECLINED)
    assert await ask(counter, payment) is not None

    counter.bank.says = outcome(Kind.EXPIRED)

    assert await ask(counter, payment) is None
    assert (await counter.reread(payment)).state is State.DECLINED


async def test_a_hint_is_followed_by_asking_even_when_the_code_ran_out(counter: Counter) -> None:
    payment = await counter.attempt(await counter.invoice())
    await counter.hear(payment, Kind.EXPIRED)
    counter.bank.says = outcome(Kind.CAPTURED, amount=payment.charged)

    await look_up_now(counter.db, counter.bank.name, payment.reference, at=clock.now())

    async with counter.db.reading() as conn:
        lease = timedelta(seconds=60)
        [job] = await jobs.claim(conn, ["payment:look-up"], clock.now(), lease, 10)
    assert job.key == str(payment.id)
    assert await ask(counter, payment) is None
    assert (await counter.reread(payment)).state is State.CAPTURED
