"""Several nodes of one network: one stands in for another, and two must agree; and the check at start."""

import logging
from typing import Any

import pytest

from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.check import check
from nonstopay.connectors.crypto.evm_network import EvmNetwork, NodesDisagree, connect
from nonstopay.connectors.crypto.evm_node import EvmNode
from nonstopay.connectors.crypto.json_rpc import NodeRefuses, NodeSilent
from nonstopay.connectors.http import ProviderHttp
from nonstopay.errors import Misconfigured, ProviderUnavailable
from tests.unit.crypto.scripted_node import Refusal, ScriptedNode, block

POLYGON = networks.load()["polygon"]
Pair = tuple[list[ScriptedNode], list[EvmNode]]


def _block(number: str, _: bool) -> dict[str, Any]:
    return block(9 if number == "latest" else int(number, 16))


async def test_a_silent_node_is_stood_in_for_and_passed_over(pair: Pair) -> None:
    (first, second), nodes = pair
    first.raw, second.words = (500, b""), {"eth_blockNumber": "0x9"}
    network = EvmNetwork(POLYGON, nodes)

    assert await network.ask(lambda node: node.head()) == 9
    first.raw, first.words = None, {"eth_blockNumber": "0x5"}

    assert await network.ask(lambda node: node.head()) == 9, "not asked again for a while"
    assert first.asked == []


async def test_when_all_are_silent_nobody_knows(pair: Pair) -> None:
    (first, second), nodes = pair
    first.raw = second.raw = (500, b"")

    with pytest.raises(NodeSilent):
        await EvmNetwork(POLYGON, nodes).ask(lambda node: node.head())


async def test_a_no_is_told_when_nobody_says_yes(pair: Pair) -> None:
    (first, second), nodes = pair

    def refuse() -> None:
        raise Refusal(-32601, "the method does not exist")

    first.words, second.raw = {"eth_blockNumber": refuse}, (500, b"")

    with pytest.raises(NodeRefuses):
        await EvmNetwork(POLYGON, nodes).ask(lambda node: node.head())


async def test_two_nodes_must_name_the_same_block(pair: Pair) -> None:
    (first, second), nodes = pair
    first.words = second.words = {"eth_getBlockByNumber": _block}
    network = EvmNetwork(POLYGON, nodes)

    assert (await network.agreed_block("latest")).number == 9

    second.words = {"eth_getBlockByNumber": lambda number, _: block(int(number, 16), "b")}
    with pytest.raises(NodesDisagree):
        await network.agreed_block(9)


@pytest.mark.parametrize("lags", [True, False])
async def test_a_node_that_lags_or_is_silent_is_no_witness(pair: Pair, lags: bool) -> None:
    (first, second), nodes = pair
    first.words, second.words = {"eth_getBlockByNumber": _block}, {"eth_getBlockByNumber": None}
    second.raw = None if lags else (500, b"")
    network = EvmNetwork(POLYGON, nodes)

    with pytest.raises(ProviderUnavailable, match="1 of 2"):
        await network.agreed_block("latest")
    assert (await network.agreed_block("latest", witnesses=1)).number == 9


def _polygon(decimals: int = 6, chain_id: int = 137) -> dict[str, Any]:
    return {"eth_chainId": hex(chain_id), "eth_call": f"0x{decimals:064x}"}


async def test_a_chain_like_our_table_has_all_coins(pair: Pair) -> None:
    (first, second), nodes = pair
    first.words = second.words = _polygon()

    found = await check([EvmNetwork(POLYGON, nodes)])

    assert sorted(found) == ["POL_polygon", "USDC_polygon", "USDT_polygon"]
    assert not any(one.problem for one in found.values())


async def test_other_decimals_switch_a_coin_off_with_an_alarm(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    (first, second), nodes = pair
    first.words = second.words = _polygon(decimals=18)

    with caplog.at_level(logging.ERROR):
        found = await check([EvmNetwork(POLYGON, nodes)])

    assert found["USDT_polygon"].wrong
    assert "18 decimals" in found["USDT_polygon"].problem
    assert not found["POL_polygon"].problem
    assert [one.getMessage()[:5] for one in caplog.records] == ["ALARM", "ALARM"]


async def test_one_node_on_another_chain_switches_the_network_off(pair: Pair) -> None:
    (first, second), nodes = pair
    first.words, second.words = _polygon(), _polygon(chain_id=56)

    found = await check([EvmNetwork(POLYGON, nodes)])

    assert all(one.wrong and "chain 56" in one.problem for one in found.values())


async def test_what_was_not_checked_is_not_offered(pair: Pair) -> None:
    (first, second), nodes = pair
    first.raw = second.raw = (500, b"")

    found = await check([EvmNetwork(POLYGON, nodes)])

    assert all(one.problem and not one.wrong for one in found.values())


async def test_nodes_come_from_the_configuration() -> None:
    table = networks.load()
    async with ProviderHttp() as http:
        connected = connect(
            table, {"polygon": {"rpc": "https://a.example/key, https://b.example"}}, http
        )
        assert [node.name for node in connected["polygon"].nodes] == ["polygon #1", "polygon #2"]
        for wrong in (
            {"poligon": {"rpc": "https://a.example"}},
            {"polygon": {"url": "https://a.example"}},
            {"polygon": {"rpc": "wss://a.example"}},
            {"polygon": {"rpc": ""}},
        ):
            with pytest.raises(Misconfigured):
                connect(table, wrong, http)
