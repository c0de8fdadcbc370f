"""The sandbox's Litecoin is a real one, read as Bitcoin is. Collected where there is a litecoind."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import pytest

from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.account import read_account
from nonstopay.connectors.crypto.reader import Incoming, Reader
from nonstopay.connectors.crypto.readers import readers
from nonstopay.connectors.http import ProviderHttp
from nonstopay.errors import Conflict, InvalidInput, NonstopayError
from nonstopay.sandbox.chain import acts, litecoin
from nonstopay.sandbox.chain.litecoin_node import LitecoinNode
from nonstopay.sandbox.chain.network import litecoin_url
from tests.stories.gateway import Gateway, call, free_port

TABLE = networks.load(shipped=networks.SANDBOX)
ACCOUNT = read_account(  # BIP-39's "legal winner thank year … yellow" at m/84'/2'/0'
    "xpub6Bv2jbjfWp25KRCJWz8xSn2Y8soq8KVmh2PB6NVfXenzEHddcxjfb9hLCowGgj2jXXi2TEDPKQhtcciXkt6Q5rHEw9WPZDKJ5uPjwDtxhkp",
    TABLE["litecoin"],
)
PAYEE = ACCOUNT.address(TABLE["litecoin"], 7)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("litecoin")
    with LitecoinNode(folder):
        asyncio.run(litecoin.prepare(folder))
        yield folder


@pytest.fixture
async def reader(data: Path) -> AsyncIterator[Reader]:
    """The chain as the gateway reads it; the same node twice stands in for a second one."""
    url = litecoin_url(data)
    async with ProviderHttp() as http:
        yield readers(TABLE, {"litecoin": {"rpc": f"{url} {url}"}}, http)["litecoin"]


async def _ours(addresses: Iterable[str]) -> set[str]:
    return set(addresses) & {PAYEE}


async def _came(reader: Reader, first: int) -> list[Incoming]:
    head = await reader.head()
    return await reader.incoming(await reader.heads(first, head.number), _ours)


async def test_a_payment_is_seen_to_its_last_unit(data: Path, reader: Reader) -> None:
    assert [one.problem for one in (await reader.check()).values()] == [""]

    transaction = await acts.pay(data, "litecoin", "LTC", PAYEE, "1.00000001")

    head = await reader.head()
    (seen,) = await _came(reader, head.number)
    assert (seen.units, seen.transaction) == (100_000_001, transaction)
    assert seen.block_hash == head.hash
    assert await reader.agreed(head.number, head.hash)
    assert await reader.witnessed(seen, 2)


@pytest.mark.parametrize("depth", [1, 2, 5])
async def test_a_reorganisation_takes_a_payment_back(
    data: Path, reader: Reader, depth: int
) -> None:
    first = (await reader.head()).number + 1
    await acts.pay(data, "litecoin", "LTC", PAYEE, "0.5")
    if depth > 1:
        await acts.mine(data, "litecoin", depth - 1)
    before = await reader.heads(first - 1, first + depth - 1)
    assert len(await _came(reader, first)) == 1

    assert await acts.reorg(data, "litecoin", depth) == first + depth - 1

    after = await reader.heads(first - 1, first + depth - 1)
    assert [a.hash == b.hash for a, b in zip(before, after, strict=True)] == [True] + [
        False
    ] * depth
    assert await _came(reader, first) == []
    assert not await reader.agreed(first, before[1].hash)
    await acts.mine(data, "litecoin", 2)
    assert await _came(reader, first) == [], "what was taken back does not come again by itself"
    await acts.pay(data, "litecoin", "LTC", PAYEE, "0.25")
    assert [one.units for one in await _came(reader, first)] == [25_000_000]


async def test_the_payer_pays_again_and_again(data: Path, reader: Reader) -> None:
    first = (await reader.head()).number + 1
    amounts = [f"{units}.0000000{units}" for units in range(1, 9)]

    for amount in amounts:
        await acts.pay(data, "litecoin", "LTC", PAYEE, amount)

    assert [one.units for one in await _came(reader, first)] == [
        units * 100_000_001 for units in range(1, 9)
    ]


async def test_many_blocks_pass_and_it_stays_the_same_chain(data: Path, reader: Reader) -> None:
    """Past block 432 a Litecoin of today would have private transactions, which ours leaves out."""
    head = await acts.mine(data, "litecoin", 300)

    await acts.pay(data, "litecoin", "LTC", PAYEE, "2")

    assert [one.units for one in await _came(reader, head)] == [200_000_000]


async def test_what_cannot_be_done_is_said(data: Path) -> None:
    for coin, address, amount, token, parameter in (
        ("USDT", PAYEE, "1", "", "coin"),
        ("LTC", PAYEE, "1", "fake", "token"),
        ("LTC", PAYEE[:-1], "1", "", "address"),
        ("LTC", PAYEE.replace("rltc", "ltc"), "1", "", "address"),
        ("LTC", PAYEE, "0.000000001", "", "amount"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await acts.pay(data, "litecoin", coin, address, amount, token=token)
        assert refused.value.parameter == parameter
    with pytest.raises(Conflict):
        await acts.pay(data, "litecoin", "LTC", PAYEE, "20000000")
    with pytest.raises(InvalidInput, match="1 to 500"):
        await acts.mine(data, "litecoin", 0)


async def test_it_outlives_a_restart(tmp_path: Path) -> None:
    with LitecoinNode(tmp_path):
        await litecoin.prepare(tmp_path)
        with pytest.raises(Conflict, match="not 1 blocks long"):
            await acts.reorg(tmp_path, "litecoin", 1)
        await acts.pay(tmp_path, "litecoin", "LTC", PAYEE, "3")
        before = await acts.mine(tmp_path, "litecoin", 1)
    with pytest.raises(NonstopayError):
        await acts.mine(tmp_path, "litecoin", 1)

    with LitecoinNode(tmp_path):
        await litecoin.prepare(tmp_path)
        async with ProviderHttp() as http:
            url = litecoin_url(tmp_path)
            reader = readers(TABLE, {"litecoin": {"rpc": url}}, http)["litecoin"]
            assert (await reader.head()).number == before
            assert [one.units for one in await _came(reader, before - 1)] == [300_000_000]
        assert await acts.mine(tmp_path, "litecoin", 1) == before + 1


async def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    """kill -9 of whoever started it leaves no node behind, and loses no block."""
    script = (
        "import sys, time, pathlib; from nonstopay.sandbox.chain.litecoin_node import LitecoinNode\n"
        f"node = LitecoinNode(pathlib.Path({str(tmp_path)!r})); node.start()\n"
        "print(node._node.pid, flush=True); time.sleep(60)"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    await litecoin.prepare(tmp_path)
    height = await acts.mine(tmp_path, "litecoin", 1)

    parent.send_signal(signal.SIGKILL)
    await parent.wait()

    async with asyncio.timeout(10):
        while _runs(pid):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    with LitecoinNode(tmp_path):
        await litecoin.prepare(tmp_path)
        assert await acts.mine(tmp_path, "litecoin", 1) == height + 1


async def test_the_gateway_serves_it_as_a_vendor_would(tmp_path: Path) -> None:
    wanted = {"NONSTOPAY_SANDBOX_LITECOIN": "true"}
    gateway = Gateway(tmp_path / "data", free_port(), environment=wanted, chains=True)
    gateway.start()
    try:
        await litecoin.prepare(gateway.data)
        told = call("GET", f"{gateway.url}/sandbox/info").json()["networks"]["litecoin"]
        assert (told["native"], told["tokens"], told["chain_id"]) == ("LTC", {}, None)
        url = told["rpc_url"]
        paid = gateway.sandbox(
            "chain/pay", network="litecoin", coin="LTC", address=PAYEE, amount="1.5"
        )
        async with ProviderHttp() as http:
            reader = readers(TABLE, {"litecoin": {"rpc": url}}, http)["litecoin"]
            (seen,) = await _came(reader, litecoin.FUNDED_BLOCKS + 1)
            assert (seen.transaction, seen.units) == (paid["tx_hash"], 150_000_000)
        for method in ("sendtoaddress", "dumpwallet", "stop", "generateblock"):
            body = json.dumps([{"id": 1, "method": method, "params": []}]).encode()
            refused = call("POST", url, body, {"Content-Type": "application/json"})
            assert refused.status == 400
    finally:
        gateway.stop()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1][:3]
