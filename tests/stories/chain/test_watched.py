"""A running gateway watches its chains: what is paid is found at once, and its operator sees it."""

import asyncio
import csv
import io
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from nonstopay import clock, ids
from nonstopay.business.deposits import records
from nonstopay.business.deposits.chains import Chains
from nonstopay.business.deposits.derive import derive
from nonstopay.business.deposits.sandbox_accounts import ACCOUNTS
from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.account import read_account
from nonstopay.store.db import Database
from nonstopay.store.embedded import EmbeddedPostgres
from tests.stories.gateway import Gateway, call, free_port
from tests.stories.payments.accounts import prove

PATIENCE_SECONDS = 20.0
MERCHANT = 5


@pytest.fixture(scope="module")
def gateway(anvil: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    running = Gateway(tmp_path_factory.mktemp("watched") / "data", free_port(), chains=True)
    running.start()
    while not all(_ready(running)["chains"].get(name) for name in ("polygon", "ethereum", "bsc")):
        time.sleep(0.05)
    yield running
    running.stop()


@pytest.fixture
async def db(gateway: Gateway) -> AsyncIterator[Database]:
    opened = await Database.open(EmbeddedPostgres.attach(gateway.data), min_size=1, max_size=2)
    yield opened
    await opened.close()


async def _address(db: Database, invoice_id: int) -> str:
    table = networks.load(shipped=networks.SANDBOX)
    chains = Chains(table, {}, {"evm": read_account(ACCOUNTS["evm"], table["polygon"])})
    async with db.transaction() as tx:
        made = await derive(tx, chains, MERCHANT, invoice_id, "polygon", clock.now())
    return made.address


async def _until(db: Database, invoice_id: int, states: list[str]) -> float:
    """The seconds that it took until the invoice's deposits were in these states."""
    began = time.monotonic()
    while True:
        async with db.reading() as conn:
            found = await records.of_invoice(conn, MERCHANT, invoice_id)
        if [str(one.state) for one in found] == states:
            return time.monotonic() - began
        assert time.monotonic() - began < PATIENCE_SECONDS, found
        await asyncio.sleep(0.01)


def _worker_of(gateway: Gateway) -> int:
    """The pid of its worker, once there is one."""
    assert gateway.process is not None
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                parent = int(status.read_text().rpartition(")")[2].split()[1])
                words = status.with_name("cmdline").read_bytes().split(b"\0")
                if parent == gateway.process.pid and b"worker" in words:
                    return int(status.parent.name)
        time.sleep(0.05)
    raise AssertionError("the worker does not come back")


def _ready(gateway: Gateway) -> dict[str, dict[str, bool]]:
    told: dict[str, dict[str, bool]] = call("GET", f"{gateway.url}/health/ready").json()
    return told


async def test_a_payment_is_found_at_once(gateway: Gateway, db: Database) -> None:
    """Half a second and a block; blocks take a second here. The machine may be busy with other tests."""
    address = await _address(db, 1)
    waited = []
    for number in range(1, 6):
        gateway.sandbox("chain/pay", network="polygon", coin="USDT", address=address, amount="3")
        waited.append(
            await _until(db, 1, ["confirmed"] * max(0, number - 2) + ["seen"] * min(2, number))
        )

    assert sorted(waited)[2] < 1.5


async def test_a_node_that_is_unwell_costs_time_and_no_payment(
    gateway: Gateway, db: Database
) -> None:
    address = await _address(db, 2)
    gateway.sandbox("fault", target="chain", mode="error_500", seconds=60)
    gateway.sandbox("chain/pay", network="bsc", coin="USDC", address=address, amount="4")
    gateway.sandbox("chain/mine", network="bsc", blocks=3)
    await asyncio.sleep(1)
    assert await _until(db, 2, []) < 1

    gateway.sandbox("fault", target="chain", mode="none", seconds=1)
    await _until(db, 2, ["confirmed"])


async def test_a_worker_that_is_killed_misses_nothing(gateway: Gateway, db: Database) -> None:
    """kill -9, three times, while payments come in."""
    address = await _address(db, 6)
    for _ in range(3):
        for _ in range(4):
            gateway.sandbox("chain/pay", network="bsc", coin="USDT", address=address, amount="1")
        await asyncio.sleep(ids.random_fraction())
        os.kill(_worker_of(gateway), signal.SIGKILL)
        gateway.sandbox("chain/mine", network="bsc", blocks=40)

    await _until(db, 6, ["confirmed"] * 12)


async def test_a_reorganisation_takes_it_back(gateway: Gateway, db: Database) -> None:
    address = await _address(db, 3)
    gateway.sandbox("chain/pay", network="ethereum", coin="USDT", address=address, amount="3")
    await _until(db, 3, ["seen"])

    gateway.sandbox("chain/reorg", network="ethereum", depth=1)

    await _until(db, 3, ["gone"])


async def test_the_operator_sees_the_chains(gateway: Gateway, db: Database) -> None:
    address = await _address(db, 4)
    gateway.sandbox("chain/pay", network="polygon", coin="POL", address=address, amount="1")
    gateway.sandbox("chain/mine", network="polygon", blocks=6)
    await _until(db, 4, ["confirmed"])

    status = gateway.command("chain", "status", "--json")
    assert {one["network"] for one in status["networks"]} >= {"polygon", "ethereum", "bsc"}
    assert all(one["lag"] == 0 for one in status["networks"])
    (account,) = status["accounts"]
    assert account["first_address"] == "0x58A57ed9d8d624cBD12e2C467D34787555bB1b25"
    assert account["given"] >= 1
    sheet = list(csv.DictReader(io.StringIO(gateway.command("chain", "sheet"))))
    (row,) = [one for one in sheet if one["invoice"] == "4"]
    assert row["address"] == address
    assert row["path"] == f"m/44'/60'/0'/0/{row['index']}"
    doctor = gateway.command("doctor", "--json")
    assert "chain polygon" in {one["check"] for one in doctor["checks"] if one["verdict"] == "ok"}
    assert "nonstopay_chain_lag_blocks" in call("GET", f"{gateway.url}/metrics").text


async def test_a_proof_reads_the_chains_again(gateway: Gateway, db: Database) -> None:
    """These deposits have no invoice, so the books do not know them, and the proof says so."""
    _, proof = prove(gateway, "--chain")

    holds = {one["name"]: one["holds"] for one in proof["checks"]}
    assert holds["what came to our addresses on polygon is what we wrote down"]
    assert not holds["the books have what came on polygon, once"]
