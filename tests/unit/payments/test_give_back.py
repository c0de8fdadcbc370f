"""Money on its way back to a payer: what the provider says of it is compared with what is owed."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from nonstopay import clock
from nonstopay.business.payments.give_back import give_back
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.returns.figures import Returns, returns
from nonstopay.business.payments.returns.owed import owed
from nonstopay.business.payments.states import State
from nonstopay.business.payments.step import GIVE_BACK
from nonstopay.cli.doctor.database import money_back
from nonstopay.connectors.outcome import Kind
from nonstopay.money import Money
from nonstopay.store import jobs
from nonstopay.web.payment_metrics import payment_metrics
from tests.unit.payments.counter import Counter, move_to, outcome

REFUSED = outcome(Kind.REFUND_REFUSED, detail="account closed")


async def of_wrong_amount(counter: Counter) -> Payment:
    """A payer has paid one rupee too little; all of it must go back."""
    payment = await counter.attempt(await counter.invoice())
    return await counter.hear(payment, Kind.CAPTURED, amount=less(payment))


def less(payment: Payment) -> Money:
    return replace(payment.charged, minor=payment.charged.minor - 100)


async def ask(counter: Counter, payment: Payment, attempts: int = 1) -> timedelta | None:
    """Ask for the refund; how long until it is asked for again."""
    again_at = await give_back(
        counter.db,
        counter.rails,
        payment.merchant_id,
        payment.id,
        attempts=attempts,
        at=clock.now(),
    )
    return None if again_at is None else again_at - clock.now()


async def figures(counter: Counter) -> Returns:
    async with counter.db.reading() as conn:
        return await returns(conn, clock.now())


async def test_what_came_is_owed_and_not_what_was_asked(counter: Counter) -> None:
    payment = await of_wrong_amount(counter)

    async with counter.db.reading() as conn:
        assert await owed(conn, payment) == less(payment)


async def test_a_refund_of_what_is_owed_ends_it(counter: Counter) -> None:
    payment = await of_wrong_amount(counter)
    counter.bank.says = outcome(Kind.REFUNDED, amount=less(payment))

    assert await ask(counter, payment) is None
    assert (await counter.reread(payment)).state is State.RETURNED


async def test_a_refund_of_another_amount_is_no_refund_and_raises_an_alarm(
    counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    payment = await of_wrong_amount(counter)
    for amount in (payment.charged, None):
        counter.bank.says = outcome(Kind.REFUNDED, amount=amount)
        caplog.clear()

        with caplog.at_level(logging.ERROR):
            assert await ask(counter, payment) is not None

        assert [one.message for one in caplog.records] == [
            "a refund of another amount than is owed"
        ]
        assert (await counter.reread(payment)).state is State.RETURNING
        assert "refund_to_payer" not in await counter.movements()


async def test_a_refusal_for_good_is_told_once_and_asked_about_once_a_day(
    counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    payment = await of_wrong_amount(counter)
    counter.bank.says = REFUSED

    with caplog.at_level(logging.ERROR):
        pauses = [await ask(counter, payment, attempts) for attempts in (1, 2, 3)]

    assert all(pause is not None and pause > timedelta(hours=23) for pause in pauses)
    assert [one.message for one in caplog.records] == [
        "a provider refuses to give money back: send it by hand"
    ]
    assert (await counter.reread(payment)).state is State.RETURNING

    counter.bank.says = outcome(Kind.REFUNDED, amount=less(payment))
    assert await ask(counter, payment) is None, "the provider may change its mind"


async def test_the_operator_sees_what_is_on_its_way_and_what_is_stuck(counter: Counter) -> None:
    assert await figures(counter) == Returns(0, 0, timedelta(0))
    assert money_back(await figures(counter)).verdict == "ok"
    first, _ = await of_wrong_amount(counter), await of_wrong_amount(counter)
    move_to(clock.now() + timedelta(hours=30))

    assert money_back(await figures(counter)).verdict == "warn"
    counter.bank.says = REFUSED
    await ask(counter, first)
    found = await figures(counter)
    assert (found.open, found.refused) == (2, 1)
    assert found.oldest >= timedelta(hours=30)
    assert money_back(found).verdict == "fail"

    text = (await payment_metrics(counter.db)).decode()
    assert "nonstopay_returns_open 2.0" in text
    assert "nonstopay_returns_refused 1.0" in text


async def test_the_job_that_asks_is_there_from_the_start(counter: Counter) -> None:
    payment = await of_wrong_amount(counter)

    async with counter.db.reading() as conn:
        lease = timedelta(seconds=60)
        [job] = await jobs.claim(conn, [GIVE_BACK], clock.now(), lease, 10)
    assert job.key == str(payment.id)
