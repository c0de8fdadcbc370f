"""The sandbox's chains are real ones: money moves, logs tell, a reorganisation takes it back."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from nonstopay.connectors.crypto.check import check
from nonstopay.connectors.crypto.evm_network import EvmNetwork
from nonstopay.connectors.http import ProviderHttp
from nonstopay.errors import Conflict, InvalidInput, Unavailable
from nonstopay.sandbox.chain import acts
from nonstopay.sandbox.chain.contracts import prepare
from nonstopay.sandbox.chain.node import ChainNodes
from tests.stories.chain.conftest import connected

PAYEE = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def _contracts(network: EvmNetwork) -> list[str]:
    return [coin.contract for coin in network.network.coins.values() if coin.contract]


async def test_the_coins_are_what_the_gateway_knows(chains: dict[str, EvmNetwork]) -> None:
    found = await check(chains.values())

    assert set(found) >= {"USDC_polygon", "USDT_ethereum", "USDT_bsc", "POL_polygon"}
    assert [one.problem for one in found.values() if one.problem] == []


@pytest.mark.parametrize(
    ("network", "coin", "amount", "units"),
    [
        ("polygon", "USDT", "15.04", 15_040_000),
        ("ethereum", "USDC", "0.000001", 1),
        ("bsc", "USDT", "15.000000000000000001", 15 * 10**18 + 1),
    ],
)
async def test_a_transfer_is_seen_to_its_last_unit(
    chains: dict[str, EvmNetwork],
    chain_data: Path,
    network: str,
    coin: str,
    amount: str,
    units: int,
) -> None:
    chain = chains[network]

    transaction = await acts.pay(chain_data, network, coin, PAYEE, amount)

    head = await chain.ask(lambda node: node.head())
    (seen,) = await chain.ask(
        lambda node: node.transfers(_contracts(chain), 0, head, [PAYEE]),
    )
    assert (seen.units, seen.transaction, seen.block_number) == (units, transaction, head)
    assert seen.contract == chain.network.coins[coin].contract
    held = await chain.ask(lambda node: node.token_balance(seen.contract, PAYEE))
    assert held == units
    block = await chain.agreed_block(head, witnesses=1)
    assert block.hash == seen.block_hash
    assert await chain.ask(lambda node: node.transfers_in([seen.contract], block.hash)) == [seen]


async def test_a_native_coin_moves_without_a_log(
    chains: dict[str, EvmNetwork], chain_data: Path
) -> None:
    polygon = chains["polygon"]
    before = await polygon.ask(lambda node: node.balance(PAYEE))

    transaction = await acts.pay(chain_data, "polygon", "POL", PAYEE, "1.5")

    after = await polygon.ask(lambda node: node.balance(PAYEE))
    receipt = await polygon.ask(lambda node: node.receipt(transaction))
    assert after - before == 15 * 10**17
    assert receipt is not None
    assert receipt.succeeded


async def test_a_look_alike_is_not_among_our_contracts(
    chains: dict[str, EvmNetwork], chain_data: Path
) -> None:
    polygon = chains["polygon"]

    transaction = await acts.pay(chain_data, "polygon", "USDT", PAYEE, "15.04", token="fake")

    head = await polygon.ask(lambda node: node.head())
    receipt = await polygon.ask(lambda node: node.receipt(transaction))
    ours = await polygon.ask(lambda node: node.transfers(_contracts(polygon), 0, head, [PAYEE]))
    assert receipt is not None
    assert receipt.succeeded
    assert ours == []


@pytest.mark.parametrize("depth", [1, 2, 5])
async def test_a_reorganisation_takes_a_payment_back(
    chains: dict[str, EvmNetwork], chain_data: Path, depth: int
) -> None:
    polygon = chains["polygon"]
    transaction = await acts.pay(chain_data, "polygon", "USDC", PAYEE, "5")
    if depth > 1:
        await acts.mine(chain_data, "polygon", depth - 1)
    head = await polygon.ask(lambda node: node.head())
    old = await polygon.ask(lambda node: node.blocks(0, head))

    assert await acts.reorg(chain_data, "polygon", depth) == head

    new = await polygon.ask(lambda node: node.blocks(0, head))
    same = [a.hash == b.hash for a, b in zip(old, new, strict=True)]
    assert same == [True] * (len(old) - depth) + [False] * depth
    assert await polygon.ask(lambda node: node.receipt(transaction)) is None
    assert (
        await polygon.ask(lambda node: node.transfers(_contracts(polygon), 0, head, [PAYEE])) == []
    )


async def test_the_chains_outlive_a_restart(anvil: None, tmp_path: Path) -> None:
    with ChainNodes(tmp_path):
        await prepare(tmp_path)
        transaction = await acts.pay(tmp_path, "polygon", "USDT", PAYEE, "7")
        before = await _blocks(tmp_path)
    with pytest.raises(Unavailable):
        await acts.mine(tmp_path, "polygon", 1)

    with ChainNodes(tmp_path):
        await prepare(tmp_path)
        assert await _blocks(tmp_path) == before
        async with ProviderHttp() as http:
            polygon = connected(tmp_path, http)["polygon"]
            assert await polygon.ask(lambda node: node.receipt(transaction)) is not None
        assert await acts.mine(tmp_path, "polygon", 2) == len(before) + 1


async def test_half_a_chain_is_not_used(anvil: None, tmp_path: Path) -> None:
    """A kill while the chain is written cuts it in half: the one of the last start is taken."""
    state = tmp_path / "chain" / "polygon.json"
    with ChainNodes(tmp_path):
        await prepare(tmp_path)
    with ChainNodes(tmp_path):
        await prepare(tmp_path)
        kept = await _blocks(tmp_path)
        await acts.mine(tmp_path, "polygon", 3)
    state.write_bytes(state.read_bytes()[:500])

    with ChainNodes(tmp_path):
        await prepare(tmp_path)
        assert await _blocks(tmp_path) == kept
        assert await acts.pay(tmp_path, "polygon", "USDC", PAYEE, "1")


async def test_a_node_ends_with_its_parent(anvil: None, tmp_path: Path) -> None:
    """kill -9 of whoever started it leaves no node behind."""
    script = (
        "import sys, time, pathlib; from nonstopay.sandbox.chain.node import ChainNodes\n"
        f"nodes = ChainNodes(pathlib.Path({str(tmp_path)!r})); nodes.start()\n"
        "print(*[one.pid for one in nodes._nodes.values()], flush=True); time.sleep(60)"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    nodes = [int(pid) for pid in (await parent.stdout.readline()).split()]
    await prepare(tmp_path)

    parent.send_signal(signal.SIGKILL)
    await parent.wait()

    async with asyncio.timeout(10):
        while any(_runs(pid) for pid in nodes):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert (tmp_path / "chain" / "polygon.json").stat().st_size > 1000


async def test_what_cannot_be_done_is_said(chain_data: Path) -> None:
    await prepare(chain_data)

    for coin, address, amount, parameter in (
        ("DAI", PAYEE, "1", "coin"),
        ("USDC", PAYEE[:-1], "1", "address"),
        ("USDC", PAYEE, "1.0000001", "amount"),
        ("USDC", PAYEE, "-1", "amount"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await acts.pay(chain_data, "polygon", coin, address, amount)
        assert refused.value.parameter == parameter
    with pytest.raises(InvalidInput, match="polygon, ethereum, bsc"):
        await acts.mine(chain_data, "solana", 1)
    with pytest.raises(InvalidInput, match="1 to 500"):
        await acts.mine(chain_data, "polygon", 501)
    with pytest.raises(Conflict, match="not 50 blocks long"):
        await acts.reorg(chain_data, "polygon", 50)


async def _blocks(data: Path) -> list[str]:
    async with ProviderHttp() as http:
        polygon = connected(data, http)["polygon"]
        head = await polygon.ask(lambda node: node.head())
        return [one.hash for one in await polygon.ask(lambda node: node.blocks(0, head))]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1][:3]
