"""Settlement through the real doors: nothing moves by itself without a sender; what closes can be checked."""

import json
import subprocess
from pathlib import Path
from typing import Any

from coincurve import PrivateKey

from nonstopay.business.settlement.wallets.address import address_of, digest_of
from tests.stories.gateway import Gateway, Merchant, call, nonstopay
from tests.stories.test_first_payment import buttons_on, upi_link_on

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


def verify_offline(file: Path, root: str) -> Any:
    """What the verifier says, who knows no installation."""
    words = nonstopay("verify-statement", str(file), "--root", root, "--json")
    return json.loads(subprocess.run(words, capture_output=True, check=True).stdout)


async def test_a_batch_closes_by_hand_waits_for_a_sender_and_is_stated(
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

    assert gateway.command("settlement", "list", str(merchant.id), "--json") == []
    batch = gateway.command("settlement", "close", str(merchant.id), "--json")

    assert (batch["state"], batch["amount"], batch["address"]) == ("closed", "3.500000", wallet)
    assert gateway.command("settlement", "close", str(merchant.id), "--json") == {}
    assert merchant.status(invoice) == "invoice:awaiting_approval"
    [record] = merchant.get("/api/client-invoice-history/get/").json()["list"]
    assert (record["merchant_amount"], record["fee_amount"]) == ("4.500", "0.500")
    assert record["tx_hash"] is None
    file = tmp_path / "statement.csv"
    file.write_text(gateway.command("statement", "batch", str(merchant.id), batch["batch"]))
    assert verify_offline(file, batch["root"])["holds"] is True
    assert gateway.command("proof", "--json")["holds"] is True
