"""Coins leave the hot wallet on real chains: once for each order, whatever the chain does meanwhile."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from nonstopay import clock
from nonstopay.business.transactions import records
from nonstopay.business.transactions.account import Pace
from nonstopay.business.transactions.payout import Confirmed, Refused, Sent
from nonstopay.business.transactions.sender import Sender
from nonstopay.business.transactions.states import State
from nonstopay.business.transactions.transaction import Transaction
from nonstopay.connectors.crypto.evm_network import EvmNetwork
from nonstopay.connectors.crypto.evm_node import EvmNode
from nonstopay.connectors.crypto.evm_words import Transfer
from nonstopay.connectors.crypto.json_rpc import NodeSilent
from nonstopay.sandbox.chain import acts
from nonstopay.sandbox.chain.fund import fund
from nonstopay.sandbox.chain.network import NETWORKS, url_of
from nonstopay.sandbox.chain.node_rpc import NodeRpc
from nonstopay.signer.client import SignerClient
from nonstopay.store.db import Database
from tests.unit.transactions.hot_wallet import (
    QUICK,
    WALLET,
    behind_its_door,
    order,
    sender_with,
    signer_in,
)


@dataclass
class Till:
    """A funded hot wallet on the sandbox's Polygon."""

    db: Database
    data: Path
    chains: dict[str, EvmNetwork]
    signer: SignerClient

    def sender(self, pace: Pace = QUICK) -> Sender:
        return sender_with(self.db, self.chains, self.signer, pace=pace)

    def node(self) -> NodeRpc:
        """The node as its owner asks it."""
        return NodeRpc(url_of(self.data, NETWORKS["polygon"]))

    async def kept(self, number: int) -> Transaction:
        async with self.db.reading() as conn:
            found = await records.find(conn, order(number).key)
        assert found is not None
        return found

    async def transfers(self) -> list[Transfer]:
        """What the coin's contract logged that left the hot wallet."""
        network = self.chains["polygon"]
        contract = network.network.coins["USDC"].contract
        assert contract is not None
        address = await self.signer.address()
        head = await network.ask(lambda node: node.head())
        found = await network.ask(lambda node: node.transfers([contract], 0, head))
        return [one for one in found if one.sender == address]


@pytest.fixture
async def till(
    database: Database, chain_data: Path, chains: dict[str, EvmNetwork]
) -> AsyncIterator[Till]:
    async with behind_its_door(signer_in(chain_data), chain_data / "s.sock") as signer:
        await fund(chain_data, await signer.address())
        yield Till(database, chain_data, chains, signer)


async def test_an_order_is_paid_once_and_the_statement_goes_along(till: Till) -> None:
    sender = till.sender()

    answers = [await sender.ask(order(1)) for _ in range(3)]
    while await sender.turn():
        pass
    after = await sender.ask(order(1))

    assert {type(one).__name__ for one in answers} == {"Unknown"}
    assert isinstance(after, Confirmed)
    (paid,) = await till.transfers()
    assert (paid.receiver, paid.units, paid.transaction) == (WALLET, 1_000_000, after.tx_hash)
    async with till.node() as node:
        sent = await node.ask("eth_getTransactionByHash", after.tx_hash)
    assert sent["input"].endswith(bytes(range(32)).hex()), "anybody finds the root there"
    assert sent["type"] == "0x2"


async def test_hundreds_of_orders_and_four_senders_use_each_nonce_once(till: Till) -> None:
    senders = [till.sender() for _ in range(4)]
    count = 120

    await asyncio.gather(*(senders[n % 4].ask(order(n, 1 + n)) for n in range(count)))
    confirmed: list[Transaction] = []
    while len(confirmed) < count:
        await asyncio.gather(*(one.turn() for one in senders))
        async with till.db.reading() as conn:
            confirmed = await records.newest(conn, [State.CONFIRMED], count + 1)

    assert sorted(one.nonce or 0 for one in confirmed) == list(range(count))
    paid = Counter(one.units for one in await till.transfers())
    assert paid == Counter(range(1, count + 1)), "each order's own sum, once"


async def test_a_stuck_transaction_is_sent_again_for_more_and_counts_once(till: Till) -> None:
    impatient = replace(QUICK, bump=timedelta(0))
    sender = till.sender(impatient)
    async with till.node() as node:
        await node.ask("evm_setAutomine", False)
        await sender.ask(order(1))
        await sender.turn()  # handed in
        await sender.turn()  # and again, for more
        async with till.db.reading() as conn:
            signed = await records.signed_of(conn, await till.kept(1))
        await node.ask("anvil_mine", "0x1")
        await node.ask("evm_setAutomine", True)
    while await sender.turn():
        pass

    assert len(signed) >= 2
    assert all(
        b.max_fee * 8 >= a.max_fee * 9 and b.tip * 8 >= a.tip * 9 for a, b in pairwise(signed)
    ), "12.5 percent and more"
    (paid,) = await till.transfers()
    assert paid.transaction in {one.hash for one in signed}
    assert await sender.ask(order(1)) == Confirmed(paid.transaction)


async def test_what_a_reorganisation_takes_back_is_sent_again_as_it_was(till: Till) -> None:
    sender = till.sender(replace(QUICK, blocks=3))
    await sender.ask(order(1))
    await sender.turn()
    mined = await till.kept(1)
    assert mined.state is State.MINED
    assert isinstance(await sender.ask(order(1)), Sent)

    await acts.reorg(till.data, "polygon", 1)
    assert await till.transfers() == []
    for _ in range(3):
        await sender.turn()
    await acts.mine(till.data, "polygon", 3)
    while await sender.turn():
        pass

    (paid,) = await till.transfers()
    assert await sender.ask(order(1)) == Confirmed(paid.transaction)
    assert paid.transaction == mined.tx_hash, "the same bytes"
    assert paid.block_hash != mined.block_hash


async def test_what_was_final_and_is_gone_comes_back_before_what_is_new(till: Till) -> None:
    sender = till.sender()
    await sender.ask(order(1))
    while await sender.turn():
        pass
    await acts.reorg(till.data, "polygon", 1)
    assert await till.transfers() == []

    await sender.ask(order(2, 5))
    for _ in range(6):
        await sender.turn()

    assert [one.units for one in await till.transfers()] == [1_000_000, 5]


async def test_an_answer_lost_after_the_node_took_it_pays_nobody_twice(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, handed_in = EvmNode.send, []

    async def lost(node: EvmNode, raw: bytes) -> str:
        handed_in.append(raw)
        await honest(node, raw)
        raise NodeSilent(node.name, "time-out")

    monkeypatch.setattr(EvmNode, "send", lost)
    sender = till.sender()
    await sender.ask(order(1))
    await sender.turn()
    unsure = await till.kept(1)
    while await sender.turn():
        pass

    assert unsure.state is State.SIGNED
    assert len(handed_in) == 1, "its hash was looked up first"
    (paid,) = await till.transfers()
    assert await sender.ask(order(1)) == Confirmed(paid.transaction)


async def test_a_reverted_transaction_is_refused_for_good_and_leaves_no_hole(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def plenty(node: EvmNode, contract: str, address: str) -> int:
        return 10**18

    sender = till.sender()
    async with till.node() as node:  # the wallet is robbed between the look and the block
        address = await till.signer.address()
        await node.ask("anvil_impersonateAccount", address)
        data = f"0xa9059cbb{int(WALLET, 16):064x}{10**12:064x}"
        contract = till.chains["polygon"].network.coins["USDC"].contract
        assert contract is not None
        await node.send({"from": address, "to": contract, "data": data})
    monkeypatch.setattr(EvmNode, "token_balance", plenty)
    await sender.ask(order(1))
    while await sender.turn():
        pass

    answer = await sender.ask(order(1))
    assert isinstance(answer, Refused)
    assert "reverted" in answer.reason
    assert (await till.kept(1)).state is State.FAILED
    assert await sender.ask(order(1)) == answer


async def test_too_little_in_the_wallet_waits_without_a_nonce(till: Till) -> None:
    sender = till.sender()
    async with till.node() as node:
        address = await till.signer.address()
        await node.ask("anvil_impersonateAccount", address)
        contract = till.chains["polygon"].network.coins["USDC"].contract
        assert contract is not None
        data = f"0xa9059cbb{int(WALLET, 16):064x}{10**12 - 10:064x}"
        await node.send({"from": address, "to": contract, "data": data})
    await sender.ask(order(1, 11))
    await sender.ask(order(2, 7))
    for _ in range(3):
        await sender.turn()

    waiting = await till.kept(1)
    assert (waiting.state, waiting.nonce) == (State.ASKED, None)
    assert "too little USDC" in (waiting.problem or "")
    assert (await till.kept(2)).state is State.CONFIRMED


async def test_the_clock_moves_nothing_that_is_done(till: Till) -> None:
    sender = till.sender(Pace(blocks=1))
    await sender.ask(order(1))
    while await sender.turn():
        pass
    clock.move_to_offset(timedelta(days=3))
    await sender.turn()

    assert len(await till.transfers()) == 1
