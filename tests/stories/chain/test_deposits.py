"""Real chains, watched: every transfer is found once, whatever the payer and the chain do."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nonstopay import clock
from nonstopay.business.deposits import records
from nonstopay.business.deposits.chains import Chains
from nonstopay.business.deposits.check import check
from nonstopay.business.deposits.deposit import Deposit
from nonstopay.business.deposits.derive import derive
from nonstopay.business.deposits.proof.prove import prove
from nonstopay.business.deposits.sandbox_accounts import ACCOUNTS
from nonstopay.business.deposits.watch import records as watching
from nonstopay.business.deposits.watch.read_again import read_again
from nonstopay.business.deposits.watch.watcher import Watcher
from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.account import read_account
from nonstopay.connectors.crypto.evm_address import keccak256, spell
from nonstopay.connectors.crypto.evm_reader import EvmReader
from nonstopay.connectors.http import ProviderHttp
from nonstopay.sandbox.chain import acts
from nonstopay.sandbox.chain.contracts import PAYER, prepare
from nonstopay.sandbox.chain.network import NETWORKS, url_of
from nonstopay.sandbox.chain.node import ChainNodes
from nonstopay.sandbox.chain.node_rpc import NodeRpc
from nonstopay.store.db import Database
from tests.stories.chain.conftest import connected

TABLE = networks.load(shipped=networks.SANDBOX)
MERCHANT = 3


@pytest.fixture(scope="module")
def data(anvil: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Chains that the stories of this file share: each goes on where another ended."""
    folder = tmp_path_factory.mktemp("deposits")
    with ChainNodes(folder):
        yield folder


@dataclass
class World:
    """A gateway that watches the chains, without the rest of it."""

    db: Database
    data: Path
    chains: Chains
    watchers: list[Watcher]

    async def address(self, invoice_id: int = 1) -> str:
        async with self.db.transaction() as tx:
            made = await derive(tx, self.chains, MERCHANT, invoice_id, "polygon", clock.now())
        return made.address

    async def pay(self, network: str, coin: str, address: str, amount: str, **more: str) -> str:
        return await acts.pay(self.data, network, coin, address, amount, **more)

    async def look(self) -> None:
        for watcher in self.watchers:
            while await watcher.turn():
                pass

    async def deposits(self, invoice_id: int = 1) -> list[Deposit]:
        async with self.db.reading() as conn:
            return await records.of_invoice(conn, MERCHANT, invoice_id)

    async def told(self, invoice_id: int = 1) -> list[tuple[str, str, str]]:
        return [
            (one.coin, one.amount.short_text(), str(one.state))
            for one in await self.deposits(invoice_id)
        ]

    async def proof(self) -> list[str]:
        async with self.db.reading() as conn:
            return [line for one in await prove(conn, self.chains) for line in one.failures]


@pytest.fixture
async def world(database: Database, data: Path) -> AsyncIterator[World]:
    await prepare(data)
    for network in NETWORKS:
        await acts.mine(data, network, 1)  # the last story's addresses are this one's, too
    async with ProviderHttp() as http:
        readers = {name: EvmReader(one) for name, one in connected(data, http).items()}
        accounts = {"evm": read_account(ACCOUNTS["evm"], TABLE["polygon"])}
        chains = Chains(TABLE, readers, accounts)
        assert await check(chains) == []
        watchers = [Watcher(database, chains, one, "one") for one in readers.values()]
        made = World(database, data, chains, watchers)
        await made.look()
        yield made


async def test_a_sandbox_offers_its_coins_at_once(world: World) -> None:
    assert {coin.name for coin in world.chains.coins_offered()} == {
        "ETH_ethereum",
        "USDC_ethereum",
        "USDT_ethereum",
        "POL_polygon",
        "USDC_polygon",
        "USDT_polygon",
        "USDC_bsc",
        "USDT_bsc",
    }


async def test_a_payment_is_confirmed(world: World) -> None:
    address = await world.address()
    await world.pay("polygon", "USDT", address, "15.04")
    await world.look()
    assert await world.told() == [("USDT_polygon", "15.04", "seen")]

    await acts.mine(world.data, "polygon", 2)
    await world.look()

    assert await world.told() == [("USDT_polygon", "15.04", "confirmed")]
    assert await world.proof() == []


async def test_money_on_a_wrong_network_is_seen(world: World) -> None:
    """The address is one and the same on every EVM network; bsc counts in 18 decimals."""
    address = await world.address()
    await world.pay("bsc", "USDT", address, "15.04")
    await world.pay("ethereum", "ETH", address, "0.5")
    await acts.mine(world.data, "bsc", 2)

    await world.look()

    assert sorted(await world.told()) == [
        ("ETH_ethereum", "0.5", "seen"),
        ("USDT_bsc", "15.04", "confirmed"),
    ]


async def test_a_look_alike_is_never_credited(world: World) -> None:
    address = await world.address()
    await world.pay("polygon", "USDT", address, "15.04", token="fake")
    await acts.mine(world.data, "polygon", 10)

    await world.look()

    assert await world.told() == [("", "15040000", "ignored")]
    assert await world.proof() == []


@pytest.mark.parametrize(
    ("depth", "ends"), [(1, "gone"), (2, "gone"), (3, "frozen"), (5, "frozen"), (20, "frozen")]
)
async def test_a_reorganisation(world: World, depth: int, ends: str) -> None:
    """Three confirmations are asked for; the payment is in the lowest block that is replaced."""
    address = await world.address()
    await world.pay("polygon", "USDC", address, "5")
    if depth > 1:
        await acts.mine(world.data, "polygon", depth - 1)
    await world.look()

    await acts.reorg(world.data, "polygon", depth)
    await world.look()

    assert await world.told() == [("USDC_polygon", "5", ends)]
    await world.pay("polygon", "USDC", address, "5")
    await acts.mine(world.data, "polygon", 2)
    await world.look()
    assert [state for _, _, state in await world.told()] == [ends, "confirmed"]
    assert await world.proof() == []


async def test_two_transfers_in_one_transaction(world: World) -> None:
    """A contract pays two invoices at once, as exchanges do; the transaction is to nobody of ours."""
    one, two = await world.address(1), await world.address(2)
    usdt = NETWORKS["polygon"].tokens["USDT"].address
    async with NodeRpc(url_of(world.data, NETWORKS["polygon"])) as node:
        nonce = int(await node.ask("eth_getTransactionCount", PAYER, "latest"), 16)
        contract = _created_by(PAYER, nonce + 1)
        await world.pay("polygon", "USDT", contract, "6")
        payout = _transfers(usdt, [(one, 1_000_000), (two, 2_000_000), (one, 3_000_000)])
        await node.send({"from": PAYER, "nonce": hex(nonce + 1), "data": payout, "gas": "0xf4240"})

    await world.look()

    found = [*await world.deposits(1), *await world.deposits(2)]
    assert [(d.place, d.amount.text()) for d in found] == [
        (0, "1.000000"),
        (2, "3.000000"),
        (1, "2.000000"),
    ]
    assert len({d.transaction for d in found}) == 1


async def test_five_hundred_blocks_while_nobody_watched(world: World) -> None:
    addresses = [await world.address(number) for number in (1, 2, 3)]
    for number in range(15):
        await world.pay("polygon", "USDT", addresses[number % 3], f"{number + 1}")
        await acts.mine(world.data, "polygon", 33)

    await world.look()

    for number, _ in enumerate(addresses):
        told = await world.told(number + 1)
        assert [amount for _, amount, _ in told] == [
            str(n + 1) for n in range(15) if n % 3 == number
        ]
        assert {state for _, _, state in told} == {"confirmed"}
    assert await world.proof() == []


async def test_the_proof_finds_what_is_wrong(world: World) -> None:
    """A row that is missing, one that was made up, one that was changed."""
    for invoice, amount in ((1, "1"), (2, "2"), (3, "3")):
        await world.pay("polygon", "USDT", await world.address(invoice), amount)
    await acts.mine(world.data, "polygon", 5)
    await world.look()
    assert await world.proof() == []

    await world.db.execute("UPDATE deposit SET transaction = '0x12' WHERE invoice_id = 1")
    await world.db.execute("UPDATE deposit SET amount = amount * 10 WHERE invoice_id = 2")
    await world.db.execute("UPDATE deposit SET state = 'gone' WHERE invoice_id = 3")

    words = sorted(line.partition(":")[0] for line in await world.proof())
    assert words == ["different", "different", "missing here", "missing there"]
    async with world.db.reading() as conn:
        cursor = await watching.cursor(conn, "polygon")
    assert cursor is not None
    blocks = cursor.start, cursor.number
    assert await read_again(world.db, world.chains, "polygon", *blocks) == 1
    assert await read_again(world.db, world.chains, "polygon", *blocks) == 0
    await world.look()
    assert not any(line.startswith("missing here") for line in await world.proof())


def _created_by(sender: str, nonce: int) -> str:
    """Where a contract comes to lie: the hash of sender and nonce, in Ethereum's RLP."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8)
    written = number if nonce and nonce < 0x80 else bytes([0x80 + len(number)]) + number
    body = b"\x94" + bytes.fromhex(sender[2:]) + written
    return spell(keccak256(bytes([0xC0 + len(body)]) + body)[-20:])


def _transfers(token: str, parts: list[tuple[str, int]]) -> str:
    """A contract's creation that does nothing but transfer what the contract has."""
    code = bytearray()
    for receiver, units in parts:
        call = bytes.fromhex(f"a9059cbb{int(receiver, 16):064x}{units:064x}")
        for at in range(0, len(call), 32):  # PUSH32, PUSH1, MSTORE
            code += b"\x7f" + call[at : at + 32].ljust(32, b"\0") + bytes([0x60, at, 0x52])
        code += bytes.fromhex("6000600060") + bytes([len(call)]) + bytes.fromhex("60006000")
        code += b"\x73" + bytes.fromhex(token[2:]) + bytes.fromhex("5af150")
    return "0x" + (code + b"\0").hex()
