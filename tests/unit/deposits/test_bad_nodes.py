"""Nodes that lie, lag or fail: they cost time, and credit nothing."""

from typing import Any

import pytest

from nonstopay.business.deposits.check import check
from nonstopay.connectors.crypto.json_rpc import NodeTrouble
from tests.unit.crypto.scripted_chain import ScriptedChain
from tests.unit.deposits.conftest import ETHEREUM, Watch

USDT = ETHEREUM.coins["USDT"].contract or ""
HTML = (200, b"<html>rate limited</html>")
FAILURES = [
    (500, b"{}"),
    HTML,
    (200, b"null"),
    (200, b"[]"),
    (200, b'{"result": null}'),
    (429, b""),
]


@pytest.mark.parametrize("raw", FAILURES)
async def test_no_failure_changes_anything(watch: Watch, raw: tuple[int, bytes]) -> None:
    watch.chain.pay("USDT", await watch.address(), 5_000_000)
    await watch.look()
    watch.chain.mine(20)
    before = await watch.deposits()
    for node in watch.nodes:
        node.raw = raw

    with pytest.raises(NodeTrouble):
        await watch.look()
    assert await watch.deposits() == before

    for node in watch.nodes:
        node.raw = None
    await watch.look()
    assert await watch.states() == ["confirmed"]


async def test_the_second_node_stands_in(watch: Watch) -> None:
    watch.nodes[0].raw = (500, b"")
    watch.chain.pay("USDT", await watch.address(), 5_000_000)
    watch.chain.mine(12)

    await watch.look()

    assert await watch.states() == ["confirmed"]


async def test_a_node_that_is_stuck_is_left_for_another_one(watch: Watch) -> None:
    watch.nodes[0].words = watch.chain.copy().words()
    watch.chain.pay("USDT", await watch.address(), 5_000_000)
    watch.nodes[1].words = watch.chain.words()
    await watch.look()
    assert await watch.states() == [], "nobody told of a new block yet"

    watch.nodes[0].words, watch.nodes[1].words = watch.nodes[1].words, watch.nodes[0].words
    await watch.look()
    watch.nodes[0].words, watch.nodes[1].words = watch.nodes[1].words, watch.nodes[0].words
    watch.chain.mine(12)
    await watch.look()

    assert await watch.states() == ["confirmed"]


def _lie(watch: Watch, **words: Any) -> None:
    for node in watch.nodes:
        node.words = watch.chain.words() | words


async def test_a_forged_log_is_never_confirmed(watch: Watch) -> None:
    """The node makes up a transfer; no transaction has it."""
    address = await watch.address()
    made_up = watch.chain.copy()
    forged = made_up.payment("USDT", address, 900_000_000)
    real = watch.chain.payment("USDT", "0x" + "22" * 20, 1)
    block = watch.chain.put(real)
    liar = ScriptedChain(ETHEREUM, [*watch.chain.blocks[:-1]])
    liar.blocks.append(
        type(block)(block.number, block.hash, block.parent, (*block.transactions, forged))
    )
    _lie(watch, eth_getLogs=liar.words()["eth_getLogs"])
    await watch.look()
    _lie(watch)

    watch.chain.mine(30)
    await watch.look()

    assert await watch.states() == ["seen"]


@pytest.mark.parametrize(
    "change",
    [
        {"removed": True},
        {"blockHash": "0x" + "99" * 32},
        {"logIndex": "-1"},
        {"address": "0x12"},
        {"transactionHash": None},
    ],
)
async def test_a_log_that_cannot_be_is_not_taken(watch: Watch, change: dict[str, Any]) -> None:
    watch.chain.pay("USDT", await watch.address(), 5_000_000)
    honest = watch.chain.words()["eth_getLogs"]
    _lie(watch, eth_getLogs=lambda question: [one | change for one in honest(question)])

    with pytest.raises(NodeTrouble):
        await watch.look()

    assert await watch.states() == []


async def test_a_transfer_that_was_reverted_is_not_confirmed(watch: Watch) -> None:
    watch.chain.put(watch.chain.payment("USDT", await watch.address(), 5_000_000, succeeded=False))
    watch.chain.mine(20)

    await watch.look()

    assert await watch.states() == ["seen"]


async def test_blocks_that_are_no_chain_are_not_read(watch: Watch) -> None:
    watch.chain.pay("USDT", await watch.address(), 5_000_000)
    watch.chain.mine(3)
    honest = watch.chain.words()["eth_getBlockByNumber"]
    newest = hex(watch.chain.head.number)
    _lie(
        watch,
        eth_getBlockByNumber=lambda which, whole: (
            honest(which, whole) | ({"parentHash": "0x" + "77" * 32} if which == newest else {})
        ),
    )

    with pytest.raises(NodeTrouble):
        await watch.look()

    assert await watch.states() == []


async def test_large_amounts_need_two_nodes(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    watch.chain.pay("USDT", await watch.address(1), 1_000_000_000)
    watch.chain.pay("USDT", await watch.address(2), 999_990_000)
    watch.chain.mine(20)
    watch.nodes[1].raw = (500, b"")

    await watch.look()
    assert (await watch.states(1), await watch.states(2)) == (["seen"], ["confirmed"])
    assert "too few nodes" in caplog.text

    watch.nodes[1].raw = None
    watch.chain.mine()
    await watch.look()
    assert await watch.states(1) == ["confirmed"]


async def test_a_chain_of_another_id_is_not_read(watch: Watch) -> None:
    watch.chain.chain_id = 1337
    watch.chains.checked.clear()
    assert await check(watch.chains) == []
    watch.chain.pay("USDT", await watch.address(), 5_000_000)

    await watch.look()

    assert await watch.states() == []
    assert watch.chains.coins_offered() == []


async def test_a_token_of_other_decimals_is_seen_and_not_credited(watch: Watch) -> None:
    """Upbit, September 2023."""
    _lie(watch, eth_call=lambda call, _: f"0x{18 if call['to'] == USDT else 6:064x}")
    watch.chains.checked.clear()
    await check(watch.chains)
    address = await watch.address()
    watch.chain.pay("USDT", address, 5_000_000)
    watch.chain.pay("USDC", address, 5_000_000)

    await watch.look()

    assert {one.coin: str(one.state) for one in await watch.deposits()} == {
        "": "ignored",
        "USDC_ethereum": "seen",
    }
    assert "USDT_ethereum" not in {coin.name for coin in watch.chains.coins_offered()}


async def test_a_chain_that_has_not_answered_is_not_read(watch: Watch) -> None:
    watch.chains.checked.clear()
    watch.chain.pay("USDT", await watch.address(), 5_000_000)
    await watch.look()
    assert await watch.states() == []

    await check(watch.chains)
    await watch.look()
    assert await watch.states() == ["seen"]
