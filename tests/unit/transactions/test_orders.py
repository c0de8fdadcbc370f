"""Orders at the desk: one for each key for ever, within the limits however many come at once."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from nonstopay import clock
from nonstopay.business.transactions import records
from nonstopay.business.transactions.ask import Desk, ask
from nonstopay.business.transactions.payout import Call, Order, Refused
from nonstopay.business.transactions.states import DONE, MACHINE, Event, State
from nonstopay.errors import Conflict
from nonstopay.money import Money, coin
from nonstopay.store.db import Database
from tests.unit.transactions.hot_wallet import LIMITS, NETWORKS, WALLET, desk, order

COIN = 1_000_000


async def test_two_hundred_at_once_never_exceed_the_day(database: Database) -> None:
    made = desk(replace(LIMITS, day="50"))

    answers = await asyncio.gather(
        *(ask(database, made, order(n, COIN), clock.now()) for n in range(200))
    )

    assert sum(one.state is State.ASKED for one in answers) == 50
    refused = [one for one in answers if one.state is State.REFUSED]
    assert {one.problem for one in refused} == {"more USDC_polygon than may leave in a day"}
    async with database.reading() as conn:
        counted = await records.counted(conn, clock.now().date())
    assert counted == {("polygon", "USDC"): 50 * COIN}


async def test_the_same_key_fifty_times_is_one_order_counted_once(database: Database) -> None:
    answers = await asyncio.gather(
        *(ask(database, desk(), order(1), clock.now()) for _ in range(50))
    )

    assert len({one.asked_at for one in answers}) == 1
    async with database.reading() as conn:
        counted = await records.counted(conn, clock.now().date())
    assert counted == {("polygon", "USDC"): COIN}


async def test_a_key_with_another_payment_is_refused_and_changes_nothing(
    database: Database,
) -> None:
    first = await ask(database, desk(), order(1), clock.now())

    with pytest.raises(Conflict):
        await ask(database, desk(), order(1, 2), clock.now())

    assert (await ask(database, desk(), order(1), clock.now())) == first


@pytest.mark.parametrize(
    "wrong",
    [
        order(1, 10_000 * COIN + 1),
        order(1, 0),
        order(1, address=WALLET.lower()),
        order(1, address="0x" + 40 * "0"),
        order(1, address=NETWORKS["polygon"].coins["USDC"].contract or ""),
        replace(order(1), network="litecoin"),
        replace(order(1), amount=Money(5, coin("USDC", 18))),
        replace(order(1), amount=Money(5, coin("USDC_bsc", 6))),
        replace(order(1), amount=Money(5, coin("POL", 18))),
    ],
)
async def test_what_cannot_be_sent_is_refused_for_good(database: Database, wrong: Order) -> None:
    refused = await ask(database, desk(), wrong, clock.now())

    assert isinstance(refused.answer, Refused)
    assert (await ask(database, desk(), wrong, clock.now())).answer == refused.answer


async def test_a_contract_is_called_only_from_the_list(database: Database) -> None:
    call = Call(key="mint", merchant_id=7, network="polygon", contract=WALLET, data=b"\x01")
    listed = desk(replace(LIMITS, contracts=frozenset({WALLET})))

    refused = await ask(database, desk(), call, clock.now())
    taken = await ask(database, listed, replace(call, key="mint 2"), clock.now())

    assert (refused.state, taken.state) == (State.REFUSED, State.ASKED)


async def test_a_new_address_waits_and_a_known_one_does_not(database: Database) -> None:
    slow = Desk(networks=NETWORKS, limits=LIMITS, new_address=timedelta(hours=24))
    at = clock.now()

    first = await ask(database, slow, order(1), at)
    later = await ask(database, slow, order(2), at + timedelta(hours=25))

    assert first.not_before == at + timedelta(hours=24)
    assert "new address" in (first.problem or "")
    assert later.not_before == at + timedelta(hours=25)
    async with database.reading() as conn:
        assert await records.open_ones(conn, "polygon", at, 10) == []


async def test_nonces_have_no_gaps_whoever_takes_them_and_fails(database: Database) -> None:
    async with database.transaction() as tx:
        await records.begin_account(tx, "polygon", WALLET, 5)
    taken: list[int] = []

    async def take(number: int) -> None:
        try:
            async with database.transaction() as tx:
                nonce = await records.take_nonce(tx, "polygon", WALLET)
                if number % 3 == 0:
                    raise RuntimeError("died before it was kept")
            taken.append(nonce)
        except RuntimeError:
            pass

    await asyncio.gather(*(take(number) for number in range(500)))

    assert sorted(taken) == list(range(5, 5 + len(taken)))
    assert len(taken) == 333


def test_nothing_is_refused_once_it_has_a_nonce_and_the_end_is_the_end() -> None:
    refusable = {s for s, e, _ in MACHINE.arrows() if e is Event.REFUSE}
    assert refusable == {State.ASKED}
    assert not any(MACHINE.allows(state, event) for state in DONE for event in Event)
