"""Where there is no anvil the sandbox's chains run on a node in Python: same coins, same controls."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.evm_network import EvmNetwork
from nonstopay.connectors.crypto.reader import Head, Incoming, Reader
from nonstopay.connectors.crypto.readers import readers
from nonstopay.connectors.http import ProviderHttp
from nonstopay.errors import Conflict
from nonstopay.sandbox.chain import acts
from nonstopay.sandbox.chain.contracts import PAYER, prepare
from nonstopay.sandbox.chain.network import NETWORKS, url_of
from nonstopay.sandbox.chain.node import ChainNodes, find_packages
from nonstopay.sandbox.chain.node_rpc import NodeRpc
from tests.stories.chain.conftest import connected

PAYEE = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("python")
    with ChainNodes(folder, find_packages()):
        yield folder


@pytest.fixture
async def http(data: Path) -> AsyncIterator[ProviderHttp]:
    await prepare(data)
    async with ProviderHttp() as http:
        yield http


@pytest.fixture
def polygon(data: Path, http: ProviderHttp) -> EvmNetwork:
    return connected(data, http)["polygon"]


def _reader(data: Path, http: ProviderHttp, network: str) -> Reader:
    sections = {network: {"rpc": url_of(data, NETWORKS[network])}}
    return readers(networks.load(shipped=networks.SANDBOX), sections, http)[network]


async def _ours(addresses: Iterable[str]) -> set[str]:
    return set(addresses) & {PAYEE}


async def _came(reader: Reader, first: int) -> list[Incoming]:
    heads = await reader.heads(first, (await reader.head()).number)
    return await reader.incoming(heads, _ours)


async def test_the_coins_are_what_the_gateway_knows(data: Path, http: ProviderHttp) -> None:
    for network in NETWORKS:
        checked = await _reader(data, http, network).check()
        assert [one.problem for one in checked.values() if one.problem] == []


async def test_transfers_are_seen_to_the_last_unit(data: Path, http: ProviderHttp) -> None:
    for network, coin, amount, units in (
        ("polygon", "USDT", "15.04", 15_040_000),
        ("polygon", "POL", "1.5", 15 * 10**17),
        ("bsc", "USDC", "0.000000000000000001", 1),
    ):
        reader = _reader(data, http, network)
        before = (await reader.head()).number

        transaction = await acts.pay(data, network, coin, PAYEE, amount)

        (seen,) = await _came(reader, before + 1)
        assert (seen.units, seen.transaction) == (units, transaction)
        assert seen.contract == (reader.network.coins[coin].contract or "")
        assert await reader.witnessed(seen, 1)


async def test_a_look_alike_has_another_contract(data: Path, http: ProviderHttp) -> None:
    reader = _reader(data, http, "ethereum")
    before = (await reader.head()).number

    await acts.pay(data, "ethereum", "USDT", PAYEE, "3", token="fake")

    (seen,) = await _came(reader, before + 1)
    assert seen.contract not in [coin.contract for coin in reader.network.coins.values()]


async def test_a_reorganisation_takes_a_payment_back(data: Path, http: ProviderHttp) -> None:
    reader = _reader(data, http, "polygon")
    await acts.pay(data, "polygon", "USDC", PAYEE, "5")
    head = await acts.mine(data, "polygon", 2)
    before = await reader.heads(head - 3, head)

    assert await acts.reorg(data, "polygon", 3) == head

    after = await reader.heads(head - 3, head)
    assert [a.hash == b.hash for a, b in zip(before, after, strict=True)] == [True, *3 * [False]]
    assert await _came(reader, head - 2) == []
    with pytest.raises(Conflict, match="100 blocks long"):
        await acts.reorg(data, "polygon", 100)


async def test_it_answers_what_a_sender_of_coins_asks(polygon: EvmNetwork, data: Path) -> None:
    fees = await polygon.ask(lambda node: node.fees())
    assert fees.base_fee > 0
    assert fees.priority_fee == 10**9
    nonce = await polygon.ask(lambda node: node.nonce(PAYER))
    await acts.pay(data, "polygon", "USDT", PAYEE, "1")
    assert await polygon.ask(lambda node: node.nonce(PAYER)) == nonce + 1
    async with NodeRpc(url_of(data, NETWORKS["polygon"])) as node:
        wish = {"from": PAYER, "to": PAYEE, "value": "0x1"}
        assert int(await node.ask("eth_estimateGas", wish), 16) == 21_000
        assert await node.ask("eth_maxPriorityFeePerGas") == hex(10**9)


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("eth_noSuchThing", []),
        ("eth_getBalance", ["0x12"]),
        ("eth_sendTransaction", [{"from": PAYEE, "to": PAYER}]),
        ("eth_sendRawTransaction", ["0x00"]),
        ("eth_getLogs", [{"blockHash": "0x" + "0" * 64}]),
        ("anvil_reorg", [5_000, []]),
    ],
)
async def test_what_it_cannot_do_is_an_error_and_no_end(
    polygon: EvmNetwork, data: Path, method: str, parameters: list[Any]
) -> None:
    async with NodeRpc(url_of(data, NETWORKS["polygon"])) as node:
        head = await node.ask("eth_blockNumber")
        with pytest.raises(Conflict):
            await node.ask(method, *parameters)
        assert await node.ask("eth_blockNumber") == head


async def test_the_same_blocks_are_there_after_a_restart(tmp_path: Path) -> None:
    with ChainNodes(tmp_path, find_packages()):
        await prepare(tmp_path)
        await acts.pay(tmp_path, "polygon", "USDT", PAYEE, "7")
        await acts.reorg(tmp_path, "polygon", 1)
        await acts.pay(tmp_path, "polygon", "USDC", PAYEE, "8")
        before, came = await _story(tmp_path)
    with (tmp_path / "chain" / "polygon.blocks").open("ab") as journal:
        journal.write(b'{"time":179')  # a kill in the middle of a line
    await asyncio.sleep(1.1)  # what is made anew is not of this second

    with ChainNodes(tmp_path, find_packages()):
        await prepare(tmp_path)
        assert await _story(tmp_path) == (before, came)
        assert [one.units for one in came] == [8_000_000]
        assert await acts.mine(tmp_path, "polygon", 1) == len(before)


async def _story(data: Path) -> tuple[list[Head], list[Incoming]]:
    async with ProviderHttp() as http:
        reader = _reader(data, http, "polygon")
        return await reader.heads(0, (await reader.head()).number), await _came(reader, 0)
