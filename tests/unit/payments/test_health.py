"""Whether a way to pay works is judged by what became of the latest payments, of many payers."""

from dataclasses import replace
from datetime import timedelta

import pytest

from nonstopay import clock
from nonstopay.business.invoices.invoice import UPI
from nonstopay.business.merchants import change
from nonstopay.business.merchants import records as merchants
from nonstopay.business.merchants.change import Changes
from nonstopay.business.payments.health import records
from nonstopay.business.payments.health.board import Board
from nonstopay.business.payments.health.describe import describe_method
from nonstopay.business.payments.health.evidence import Evidence, Tries
from nonstopay.business.payments.health.health import WHOLE, Health, Standing
from nonstopay.business.payments.health.judge import ANSWER_WITHIN, REST, WINDOW, judge, judged
from nonstopay.business.payments.health.states import MACHINE, State
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.connectors.outcome import Kind, Reason, Source
from tests.unit.payments.counter import NAME, Bank, Counter, move_to, outcome

BANKS_FAULT: dict[str, object] = {"reason": Reason.BANK_UNAVAILABLE, "source": Source.BANK}
NETWORKS_FAULT: dict[str, object] = {
    "reason": Reason.NETWORK_UNAVAILABLE,
    "source": Source.NETWORK,
}
SOON = ANSWER_WITHIN + timedelta(seconds=1)


@pytest.fixture
def counter(counter: Counter) -> Counter:
    """A counter whose pages always see the newest judgement."""
    return replace(counter, rails=replace(counter.rails, board=Board(kept_seconds=0)))


async def look(counter: Counter, after: timedelta = timedelta(0)) -> State:
    """Some time later the worker judges; how UPI stands at the bank then."""
    move_to(clock.now() + after)
    await judge(counter.db, {UPI.name: list(counter.rails.upi)}, clock.now())
    return await state(counter, NAME)


async def state(counter: Counter, connector: str) -> State:
    async with counter.db.reading() as conn:
        found = {one.connector: one.state for one in await records.all_health(conn)}
    return found.get(connector, State.HEALTHY)


async def told(counter: Counter, merchant_id: int | None = None) -> list[str]:
    rows = await counter.db.fetch(
        "SELECT kind FROM event WHERE object = 'method' AND merchant_id = $1 ORDER BY id",
        merchant_id or counter.merchant.id,
    )
    return [row["kind"] for row in rows]


async def payers(counter: Counter, count: int) -> list[Payment]:
    """So many payers choose UPI."""
    return [await counter.attempt(await counter.invoice()) for _ in range(count)]


async def fails(counter: Counter, payment: Payment, **why: object) -> None:
    """The payer's try is refused, for this reason and at this desk."""
    await record_outcome(
        counter.db,
        NAME,
        payment.reference,
        outcome(Kind.DECLINED, **why),
        source="notification",
        at=clock.now(),
    )


async def neighbour(counter: Counter) -> Counter:
    """Another merchant at the same bank."""
    async with counter.db.transaction() as tx:
        merchant_id = await change.create(
            tx,
            email="books@example.com",
            name="Lotus Books",
            changes=Changes(active=True),
            at=clock.now(),
        )
        merchant = await merchants.by_id(tx, merchant_id)
    assert merchant is not None
    return replace(counter, merchant=merchant)


async def test_a_bank_that_opens_no_orders_is_down_until_a_try_succeeds(counter: Counter) -> None:
    counter.bank.silent = True
    await payers(counter, 5)
    assert await look(counter) is State.HEALTHY, "an answer may still come"

    assert await look(counter, SOON) is State.DOWN
    assert await look(counter) is State.DOWN
    assert await look(counter, REST) is State.PROBING
    await payers(counter, 1)
    assert await look(counter, SOON) is State.DOWN, "one payer in vain ends the probe"

    counter.bank.silent = False
    assert await look(counter, REST) is State.PROBING
    await payers(counter, 1)
    assert await look(counter) is State.HEALTHY
    assert await look(counter) is State.HEALTHY, "what failed before the probe counts no more"
    assert await told(counter) == ["method:down", "method:recovered"]


async def test_a_payer_who_comes_back_to_his_old_try_is_a_probe_too(counter: Counter) -> None:
    [before] = await payers(counter, 1)
    counter.bank.silent = True
    comes_back = (await payers(counter, 5))[-1]
    assert await look(counter, SOON) is State.DOWN
    assert await look(counter, REST) is State.PROBING

    await counter.hear(before, Kind.EXPIRED)
    assert await look(counter) is State.PROBING, "it was opened when all was well"
    counter.bank.silent = False
    await counter.attempt(await counter.seen(comes_back.invoice_id))
    assert await look(counter) is State.HEALTHY


async def test_a_bank_whose_tries_fail_must_show_one_that_succeeds(counter: Counter) -> None:
    for payment in await payers(counter, 5):
        await fails(counter, payment, **NETWORKS_FAULT)
    assert await look(counter) is State.DOWN

    assert await look(counter, REST) is State.PROBING
    [probe] = await payers(counter, 1)
    assert await look(counter, SOON) is State.PROBING, "that an order opens proves nothing here"

    await counter.hear(probe, Kind.CAPTURED)
    assert await look(counter) is State.HEALTHY


async def test_degraded_is_between_and_ends_only_when_hardly_any_try_fails(
    counter: Counter,
) -> None:
    first = await payers(counter, 10)
    for payment in first[:4]:
        await fails(counter, payment, **BANKS_FAULT)
    for payment in first[4:]:
        await counter.hear(payment, Kind.CAPTURED)
    assert await look(counter) is State.DEGRADED

    for payment in await payers(counter, 10):
        await counter.hear(payment, Kind.CAPTURED)
    assert await look(counter) is State.DEGRADED, "one in five is not yet fine"

    assert await look(counter, WINDOW) is State.HEALTHY
    assert await told(counter) == ["method:degraded", "method:recovered"]


@pytest.mark.parametrize(
    "own_doing",
    [
        {"reason": Reason.WRONG_PIN, "source": Source.PAYER},
        {"reason": Reason.CANCELLED_BY_PAYER, "source": Source.PAYER},
        {"reason": Reason.INSUFFICIENT_FUNDS, "source": Source.BANK},
        {"reason": Reason.APP_UNAVAILABLE, "source": Source.APP},
        {"reason": Reason.MERCHANT_REFUSED, "source": Source.MERCHANT},
        {"reason": Reason.TECHNICAL},
    ],
)
async def test_what_is_the_payers_doing_is_nobody_elses_fault(
    counter: Counter, own_doing: dict[str, object]
) -> None:
    for payment in await payers(counter, 6):
        await fails(counter, payment, **own_doing)

    assert await look(counter) is State.HEALTHY


async def test_payers_who_only_look_at_the_code_say_nothing(counter: Counter) -> None:
    for payment in (await payers(counter, 8))[:3]:
        await fails(counter, payment, **NETWORKS_FAULT)

    assert await look(counter) is State.HEALTHY, "three tries are too few"


async def test_one_payer_who_fails_twenty_times_is_one_payer(counter: Counter) -> None:
    invoice = await counter.invoice()
    payment = await counter.attempt(invoice)
    for _ in range(20):
        await fails(counter, payment, **BANKS_FAULT)
        payment = await counter.attempt(invoice, after=payment.id)
    for other in await payers(counter, 4):
        await counter.hear(other, Kind.CAPTURED)

    assert await look(counter) is State.HEALTHY


async def test_a_try_that_succeeds_makes_good_those_that_did_not(counter: Counter) -> None:
    for payment in await payers(counter, 5):
        await fails(counter, payment, **BANKS_FAULT)
        invoice = await counter.seen(payment.invoice_id)
        await counter.hear(await counter.attempt(invoice, after=payment.id), Kind.CAPTURED)

    assert await look(counter) is State.HEALTHY


async def test_a_lone_failing_merchant_brings_nothing_down(counter: Counter) -> None:
    books = await neighbour(counter)
    for payment in await payers(counter, 12):
        await fails(counter, payment, **NETWORKS_FAULT)
    [sold, unsold] = await payers(books, 2)
    await books.hear(sold, Kind.CAPTURED)
    assert await look(counter) is State.HEALTHY

    await fails(books, unsold, **NETWORKS_FAULT)
    assert await look(counter) is State.DOWN, "now it is not his own trouble"
    assert await told(counter) == await told(counter, books.merchant.id) == ["method:down"]


async def test_only_merchants_who_used_it_lately_are_told(counter: Counter) -> None:
    books = await neighbour(counter)
    await payers(books, 1)
    move_to(clock.now() + timedelta(hours=2))
    counter.bank.silent = True
    await payers(counter, 5)

    await look(counter, SOON)

    assert await told(counter) == ["method:down"]
    assert await told(counter, books.merchant.id) == []


async def test_the_next_provider_takes_new_payments_and_the_first_gets_a_few_to_prove_itself(
    counter: Counter,
) -> None:
    second = Bank(name="second")
    upi = {NAME: counter.bank, second.name: second}
    counter = replace(counter, rails=replace(counter.rails, upi=upi))
    counter.bank.silent = True
    left = (await payers(counter, 5))[-1]
    assert await look(counter, SOON) is State.DOWN

    assert {one.connector for one in await payers(counter, 4)} == {"second"}
    again = await counter.attempt(await counter.seen(left.invoice_id))
    assert (again.connector, again.state) == ("second", "waiting"), "nobody had a link to the first"
    assert await state(counter, WHOLE) is State.HEALTHY
    assert await told(counter) == [], "payers can pay: merchants need not know"

    assert await look(counter, REST) is State.PROBING
    assert [one.connector for one in await payers(counter, 8)].count(NAME) == 2


async def test_the_judgement_is_told_in_the_form_of_all_webhooks(counter: Counter) -> None:
    counter.bank.silent = True
    await payers(counter, 5)
    await look(counter, SOON)

    event = await counter.db.fetchrow("SELECT * FROM event WHERE object = 'method'")
    assert event is not None
    body = await describe_method(
        counter.db, counter.merchant.id, event["object_id"], event["facts"]
    )
    assert body == {
        "status": "method:down",
        "id": event["object_id"],
        "method": "UPI",
        "description": "Hardly any payment by UPI succeeds at the moment.",
        "datetime": clock.text(clock.now()),
    }


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        (0, State.HEALTHY),
        (2, State.HEALTHY),
        (3, State.DEGRADED),
        (7, State.DEGRADED),
        (8, State.DOWN),
    ],
)
def test_the_thresholds(failed: int, expected: State) -> None:
    healthy = Health(method="UPI", connector="bank")
    for found in (
        Evidence(opening=Tries(10, failed, 1, 1)),
        Evidence(opening=Tries(10, 0, 1, 0), paying=Tries(10, failed, 1, 1)),
    ):
        assert judged(healthy, found, clock.now()).state is expected


def test_a_few_tries_say_nothing() -> None:
    healthy = Health(method="UPI", connector="bank")
    assert judged(healthy, Evidence(opening=Tries(4, 4, 1, 1)), clock.now()) is healthy
    assert judged(healthy, Evidence(opening=Tries(6, 2, 1, 1)), clock.now()) is healthy


def test_the_table_never_leaves_down_without_a_rest() -> None:
    leaving = [event for state, event, _ in MACHINE.arrows() if state is State.DOWN]
    assert leaving == ["rested"]


def test_a_method_is_as_well_as_its_best_provider() -> None:
    standing = Standing({("UPI", "a"): State.DOWN, ("UPI", "b"): State.DEGRADED})
    assert standing.of("UPI", ["a"]) is State.DOWN
    assert standing.of("UPI", ["a", "b"]) is State.DEGRADED
    assert standing.of("UPI", ["a", "b", "c"]) is State.HEALTHY
    assert standing.choose("UPI", ["a", "b"], 1) == "b"
    assert standing.choose("UPI", ["a"], 1) == "a"
