"""The sender is killed at every point that has a name, and the signer too: each batch is paid exactly once.

`make kill-sender` does it fifty times, at each point in turn; the ordinary suite at every second point.
"""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from nonstopay.business.transactions.crash import POINTS, VARIABLE
from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.evm_network import connect
from nonstopay.connectors.crypto.evm_words import Transfer
from nonstopay.connectors.http import ProviderHttp
from nonstopay.sandbox.chain.contracts import PAYER
from nonstopay.sandbox.chain.network import NETWORKS, url_of
from tests.stories.gateway import Gateway, Merchant, call, free_port
from tests.stories.test_first_payment import buttons_on, upi_link_on

SIGNER = "signer"
VICTIMS = (*POINTS, SIGNER)
KILLS = int(os.environ.get("NSP_KILLS_SENDER", "0"))
WHOM = [VICTIMS[number % len(VICTIMS)] for number in range(KILLS)] or list(VICTIMS[1::2])
WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
BACK_SECONDS = 120.0
"""A job whose worker died comes back when its lease has run out."""


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway whose worker dies where it is told to."""
    orders = tmp_path / "crash"
    orders.mkdir()
    gateway = Gateway(tmp_path / "data", free_port(), {VARIABLE: str(orders)}, chains=True)
    gateway.start()
    yield gateway
    gateway.stop()


def shop_in(gateway: Gateway) -> Merchant:
    """A merchant who is settled payment by payment, without a fee."""
    merchant = gateway.merchant("--wallet", WALLET)
    gateway.command("settlement", "terms", str(merchant.id), "--cadence", "each-payment")
    return merchant


def pay(merchant: Merchant, amount: int) -> int:
    page = merchant.new_page(amount=amount)
    invoice = merchant.newest_invoice()
    choose_upi = next(one for one in buttons_on(call("GET", page).text) if "/pay/" in one)
    assert call("POST", merchant.gateway.url + choose_upi).status == 303
    merchant.gateway.pay_by_upi(upi_link_on(call("GET", page).text))
    return invoice


def pid_of_signer(gateway: Gateway) -> int:
    """Linux tells everybody what a process was started with, and the signer was not told its key."""
    assert gateway.process is not None
    children = Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children")
    for pid in children.read_text().split():
        if b"\0signer\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return int(pid)
    raise AssertionError("there is no signer")


async def paid_by_the_hot_wallet(gateway: Gateway) -> tuple[list[Transfer], int]:
    """The coin's log of what left our wallet, and how many transactions the wallet has made."""
    table = networks.load(shipped=networks.SANDBOX)
    async with ProviderHttp() as http:
        nodes = {"polygon": {"rpc": url_of(gateway.data, NETWORKS["polygon"])}}
        (node,) = connect(table, nodes, http)["polygon"].nodes
        contract = table["polygon"].coins["USDC"].contract
        assert contract is not None
        found = await node.transfers([contract], 0, await node.head())
        sent = [one for one in found if one.receiver == WALLET and one.sender != PAYER]
        return sent, await node.nonce(sent[0].sender, "latest")


@pytest.mark.timeout(60 + 30 * len(WHOM))
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds children in Linux /proc")
async def test_killed_at_any_point_each_batch_is_paid_exactly_once(mortal: Gateway) -> None:
    merchant = shop_in(mortal)
    orders = Path(mortal.environment[VARIABLE])
    invoices = {}
    for number, victim in enumerate(WHOM):
        if victim == SIGNER:
            os.kill(pid_of_signer(mortal), signal.SIGKILL)
        else:
            (orders / victim).touch()
        amount = 10 + number
        invoices[pay(merchant, amount)] = amount
        await merchant.wait_for_status(max(invoices), "invoice:paid", BACK_SECONDS)
        assert not (orders / victim).exists(), f"nobody came by {victim}"

    transfers, nonce = await paid_by_the_hot_wallet(mortal)
    assert Counter(Decimal(one.units) / 10**6 for one in transfers) == Counter(invoices.values())
    assert nonce == len(WHOM), "each nonce was used, and used once"
    hashes = {one.transaction for one in transfers}
    history = merchant.get("/api/client-invoice-history/get/").json()["list"]
    assert {one["tx_hash"] for one in history[:50]} <= hashes
    assert {one["exchange_currency_symbol"] for one in history[:50]} == {"USDC"}
    assert mortal.command("proof", "--json")["holds"] is True
