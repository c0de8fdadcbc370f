"""What comes to our addresses is seen, confirmed when it is deep enough, and counted once."""

import asyncio
from contextlib import suppress

import pytest

from nonstopay import clock
from nonstopay.business.deposits.watch import records
from nonstopay.business.deposits.watch.read import read
from nonstopay.business.deposits.watch.write import IGNORED_MAX, write
from nonstopay.connectors.crypto.json_rpc import NodeRefuses
from nonstopay.connectors.crypto.reader import Incoming
from nonstopay.money import Currency, Money
from tests.unit.crypto.scripted_chain import Sent
from tests.unit.deposits.conftest import Watch

USDT = Currency("USDT_ethereum", 6)


async def test_a_transfer_is_seen_and_confirmed(watch: Watch) -> None:
    sent = watch.chain.pay("USDT", await watch.address(), 15_040_000)

    await watch.look()

    (seen,) = await watch.deposits()
    assert seen.coin == "USDT_ethereum"
    assert seen.amount == Money(15_040_000, USDT)
    assert (seen.transaction, seen.place) == (sent.hash, 0)
    assert (str(seen.state), seen.confirmations, seen.needed) == ("seen", 1, 12)
    assert await watch.jobs() == ["1"]

    watch.chain.mine(10)
    await watch.look()
    assert [(one.confirmations, str(one.state)) for one in await watch.deposits()] == [(11, "seen")]

    await watch.forget_jobs()
    watch.chain.mine()
    await watch.look()
    assert await watch.states() == ["confirmed"]
    assert await watch.jobs() == ["1"]


async def test_the_native_coin_counts_where_it_moved(watch: Watch) -> None:
    address = await watch.address()
    good = watch.chain.payment("ETH", address, 10**18)
    failed = watch.chain.payment("ETH", address, 10**18, succeeded=False)
    watch.chain.put(good, failed)

    await watch.look()

    (seen,) = await watch.deposits()
    assert (seen.coin, seen.transaction, seen.place) == ("ETH_ethereum", good.hash, -1)
    assert seen.amount.text() == "1.000000000000000000"
    assert seen.needs_final, "nobody knows what it is worth, so it is treated as a fortune"
    watch.chain.mine(12)
    await watch.look()
    assert await watch.states() == ["confirmed"]


async def test_every_log_of_a_transaction_counts_by_itself(watch: Watch) -> None:
    """Transfers by a proxy or a multicall: the transaction calls another contract than the token's."""
    one, two = await watch.address(1), await watch.address(2)
    contract = watch.chain.network.coins["USDC"].contract or ""
    logged = ((contract, one, 1_000_000), (contract, two, 2_000_000), (contract, one, 4_000_000))
    watch.chain.put(Sent("0x" + "ab" * 32, to="0x" + "cc" * 20, logged=logged))

    await watch.look()

    assert [(d.place, d.amount.minor) for d in await watch.deposits(1)] == [
        (0, 1_000_000),
        (2, 4_000_000),
    ]
    assert [(d.place, d.amount.minor) for d in await watch.deposits(2)] == [(1, 2_000_000)]


async def test_a_look_alike_is_kept_and_never_counts(watch: Watch) -> None:
    watch.chain.pay("FAKE", await watch.address(), 15_040_000)
    watch.chain.mine(20)

    await watch.look()

    (found,) = await watch.deposits()
    assert (found.coin, str(found.state)) == ("", "ignored")
    assert found.amount == Money(15_040_000, Currency("", 0))


async def test_dust_fills_no_disk(watch: Watch) -> None:
    address = await watch.address()
    dust = [watch.chain.payment("USDT", address, 1) for _ in range(200)]
    nothing = watch.chain.payment("USDT", address, 0)
    watch.chain.put(*dust, nothing, watch.chain.payment("USDT", address, 10_000))
    watch.chain.put(*[watch.chain.payment("FAKE", address, 10**30) for _ in range(50)])

    await watch.look()

    states = await watch.states()
    assert states.count("ignored") == IGNORED_MAX
    assert states.count("seen") == 1


async def test_what_a_contract_makes_up_stops_nobody(watch: Watch) -> None:
    """Logs of another form than ERC-20's, of the same topic: an NFT, and nonsense."""
    address = await watch.address()
    watch.chain.pay("USDT", address, 5_000_000)
    words = watch.nodes[0].words
    honest = words["eth_getLogs"]

    def with_nonsense(question: dict[str, object]) -> list[dict[str, object]]:
        logs = honest(question)
        strange = [
            one | {"topics": [*one["topics"], "0x" + "01" * 32], "logIndex": "0x7"} for one in logs
        ]
        strange += [one | {"data": "0x", "logIndex": "0x8"} for one in logs]
        topics = [[one["topics"][0], one["topics"][1], "0x" + "ff" * 32] for one in logs]
        strange += [
            one | {"topics": t, "logIndex": "0x9"} for one, t in zip(logs, topics, strict=True)
        ]
        return [*logs, *strange]

    words["eth_getLogs"] = with_nonsense
    await watch.look()

    assert await watch.states() == ["seen"]


async def test_one_address_is_watched_for_every_coin(watch: Watch) -> None:
    address = await watch.address()
    for coin, units in (("USDT", 1_000_000), ("USDC", 2_000_000), ("ETH", 3 * 10**17)):
        watch.chain.pay(coin, address, units)

    await watch.look()

    assert {one.coin for one in await watch.deposits()} == {
        "USDT_ethereum",
        "USDC_ethereum",
        "ETH_ethereum",
    }


async def test_eight_watchers_count_everything_once(watch: Watch) -> None:
    address = await watch.address()
    others = [watch.another(f"watcher {number}") for number in range(8)]
    for round_ in range(1, 6):
        for _ in range(3):
            watch.chain.pay("USDT", address, 10**6 * round_)
        await watch.db.execute("UPDATE chain_cursor SET leased_until = NULL")
        await asyncio.gather(*(one.turn() for one in others))
    watch.chain.mine(12)
    await asyncio.gather(*(one.turn() for one in [*others, watch.watcher]))

    found = await watch.deposits()
    assert [str(one.state) for one in found] == ["confirmed"] * 15
    assert sum(one.amount.minor for one in found) == 3 * 15 * 10**6


async def test_the_same_blocks_a_hundred_times(watch: Watch) -> None:
    watch.chain.pay("USDT", await watch.address(), 10**6)
    for _ in range(100):
        await watch.db.execute("UPDATE chain_cursor SET number = number - 1")
        await watch.look()

    assert len(await watch.deposits()) == 1


async def test_nothing_is_missed_while_nobody_watches(watch: Watch) -> None:
    """Five hundred blocks with a payment in every tenth, at a node that dislikes long questions."""
    addresses = [await watch.address(invoice) for invoice in range(1, 6)]
    sums = dict.fromkeys(range(1, 6), 0)
    for number in range(500):
        if number % 10 == 0:
            invoice = number // 10 % 5 + 1
            watch.chain.pay("USDT", addresses[invoice - 1], 10_000 + number)
            sums[invoice] += 10_000 + number
        else:
            watch.chain.mine()
    for node in watch.nodes:
        node.batch_max = 20
    is_behind = True
    while is_behind:
        with suppress(NodeRefuses):
            is_behind = await watch.watcher.turn()

    for invoice, total in sums.items():
        found = await watch.deposits(invoice)
        assert sum(one.amount.minor for one in found) == total
        assert len({one.transaction for one in found}) == len(found) == 10


async def test_a_network_that_was_never_watched_is_read_from_the_first_address_on(
    watch: Watch,
) -> None:
    """Also what was paid on a wrong network before anybody thought of watching it."""
    watch.chain.born = int(clock.now().timestamp()) - 20 * 3600 + 60
    watch.chain.block_seconds = 3600
    watch.chain.mine(20)
    watch.chain.pay("USDT", await watch.address(), 3_000_000)
    watch.chain.mine(5)
    await watch.db.execute("DELETE FROM chain_block")
    await watch.db.execute("DELETE FROM chain_cursor")

    await watch.look()

    assert await watch.states() == ["seen"]
    assert await watch.db.fetchval("SELECT start FROM chain_cursor") == 17


async def test_one_watches_and_the_others_wait_until_he_leaves(watch: Watch) -> None:
    watch.chain.pay("USDT", await watch.address(), 10**6)
    another = watch.another("two")

    assert not await another.turn()
    assert await watch.states() == []

    await watch.watcher.leave()
    assert await another.turn() is False
    assert await watch.states() == ["seen"]


async def test_of_two_who_read_the_same_one_writes(watch: Watch) -> None:
    """A lease that ran out while its holder waited for a node."""
    reader = watch.chains.readers["ethereum"]
    watch.chain.pay("USDT", await watch.address(), 10**6)
    async with watch.db.reading() as conn:
        cursor = await records.cursor(conn, "ethereum")
    head = await reader.head()
    assert cursor is not None
    found = await read(watch.db, reader, cursor, head, 32)
    assert found is not None

    assert await write(watch.db, watch.chains, reader, cursor, head, found)
    await watch.forget_jobs()
    assert not await write(watch.db, watch.chains, reader, cursor, head, found)

    assert await watch.states() == ["seen"]
    assert await watch.jobs() == []


async def test_a_node_that_knows_a_block_before_its_logs(watch: Watch) -> None:
    watch.chain.pay("USDT", await watch.address(), 10**6)
    honest = watch.nodes[0].words["eth_getLogs"]
    watch.nodes[0].words["eth_getLogs"] = lambda question: []
    await watch.look()
    assert await watch.states() == []

    watch.nodes[0].words["eth_getLogs"] = honest
    for _ in range(3):
        watch.chain.mine()
        await watch.look()

    assert await watch.states() == ["seen"]


async def test_a_block_that_is_replaced_while_its_deposit_is_confirmed(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.chain.pay("USDT", await watch.address(), 10**6)
    reader = watch.chains.readers["ethereum"]

    async def witnessed_too_late(one: Incoming, nodes: int) -> bool:
        change = "UPDATE chain_block SET hash = 'another' WHERE number = $1"
        await watch.db.execute(change, one.block_number)
        return True

    monkeypatch.setattr(reader, "witnessed", witnessed_too_late)
    watch.chain.mine(11)
    await watch.look()

    assert await watch.states() == ["seen"]
