"""Settlement through the real doors: from the payer's bank to the merchant's wallet on a chain."""

import json
import subprocess
from pathlib import Path
from typing import Any

from coincurve import PrivateKey

from nonstopay.business.settlement.wallets.address import address_of, digest_of
from nonstopay.connectors.crypto.evm_words import transfer
from nonstopay.sandbox.chain.network import NETWORKS, url_of
from nonstopay.sandbox.chain.node_rpc import NodeRpc
from tests.stories.gateway import Gateway, Merchant, call, nonstopay
from tests.stories.test_first_payment import buttons_on, upi_link_on

SETTLED_SECONDS = 40.0
KEY = PrivateKey(bytes.fromhex("5e" * 32))


async def paid_by_upi(merchant: Merchant) -> int:
    """A paid invoice over five dollars."""
    page_url = merchant.new_page(amount=5)
    invoice = merchant.newest_invoice()
    choose_upi = next(one for one in buttons_on(call("GET", page_url).text) if "/pay/" in one)
    assert call("POST", merchant.gateway.url + choose_upi).status == 303
    merchant.gateway.pay_by_upi(upi_link_on(call("GET", page_url).text))
    await merchant.wait_for_status(invoice, "invoice:awaiting_approval")
    return invoice


def prove_wallet(gateway: Gateway, merchant: Merchant) -> str:
    """The merchant names his wallet and signs; its address."""
    address = address_of(KEY.public_key)
    named = gateway.command("wallet", "propose", str(merchant.id), address, "--json")
    raw = KEY.sign_recoverable(digest_of(named["challenge"]), hasher=None)
    signature = "0x" + (raw[:64] + bytes([raw[64] + 27])).hex()
    said = gateway.command("wallet", "prove", str(merchant.id), signature, "--json")
    assert said["address"] == address
    return address


async def transferred(gateway: Gateway, tx_hash: str) -> tuple[str, list[tuple[str, int]]]:
    """A transaction's data, and what it moved, as the chain says: receivers and units."""
    async with NodeRpc(url_of(gateway.data, NETWORKS["polygon"])) as node:
        sent = await node.ask("eth_getTransactionByHash", tx_hash)
        receipt = await node.ask("eth_getTransactionReceipt", tx_hash)
    assert receipt["status"] == "0x1"
    moved = [transfer(log) for log in receipt["logs"]]
    return sent["input"], [(one.receiver, one.units) for one in moved if one]


def verify_offline(file: Path, root: str) -> Any:
    """What the verifier says, who knows no installation."""
    words = nonstopay("verify-statement", str(file), "--root", root, "--json")
    return json.loads(subprocess.run(words, capture_output=True, check=True).stdout)


async def test_a_payment_reaches_the_merchants_wallet_and_is_stated(
    gateway: Gateway, tmp_path: Path
) -> None:
    facts = gateway.command(
        "merchant", "create", "--email", "shop@example.com", "--name", "A shop",
        "--ip", "127.0.0.1/32", "--json",
    )  # fmt: skip
    merchant = Merchant(
        gateway, int(facts["merchant_id"]), facts["api_key"], facts["webhook_secret"]
    )
    assert merchant.create().json()["errorCode"] == 50008
    wallet = prove_wallet(gateway, merchant)
    gateway.command("settlement", "fees", str(merchant.id), "*", "0:10:0:0")
    gateway.command(
        "settlement", "terms", str(merchant.id), "--cadence", "each-payment",
        "--reserve-percent", "20", "--reserve-days", "30",
    )  # fmt: skip
    invoice = await paid_by_upi(merchant)

    await merchant.wait_for_status(invoice, "invoice:paid", SETTLED_SECONDS)

    [batch] = gateway.command("settlement", "list", str(merchant.id), "--json")
    assert (batch["state"], batch["amount"], batch["address"]) == ("paid", "3.500000", wallet)
    assert gateway.command("settlement", "close", str(merchant.id), "--json") == {}
    [record] = merchant.get("/api/client-invoice-history/get/").json()["list"]
    assert (record["merchant_amount"], record["fee_amount"]) == ("4.500", "0.500")
    assert record["exchange_currency_symbol"] == "USDC"
    input_, moved = await transferred(gateway, record["tx_hash"])
    assert moved == [(wallet, 3_500_000)]
    assert input_.endswith(batch["root"].removeprefix("0x")), "the statement's root went along"
    [sent] = [
        one
        for one in gateway.command("transaction", "list", "--done", "--json")
        if one["tx_hash"] == record["tx_hash"]
    ]
    assert gateway.command("transaction", "show", sent["key"], "--json")["state"] == "confirmed"
    file = tmp_path / "statement.csv"
    file.write_text(gateway.command("statement", "batch", str(merchant.id), batch["batch"]))
    assert verify_offline(file, batch["root"])["holds"] is True
    assert gateway.command("proof", "--json")["holds"] is True
