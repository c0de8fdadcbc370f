"""Letters through the real doors: the operator confirms a wallet, the merchant reads it."""

import asyncio
from pathlib import Path

import pytest

from tests.stories.crashes.test_kill import kill_worker
from tests.stories.gateway import Gateway, Merchant, call, free_port
from tests.stories.payments.till import eventually
from tests.unit.mail.relay_here import PostOffice, post_office

WALLET = "0x" + "a1" * 20


def _activate(gateway: Gateway, merchant: Merchant) -> None:
    gateway.command("merchant", "set", str(merchant.id), "--inactive")
    gateway.command("merchant", "set", str(merchant.id), "--wallet", WALLET, "--active")


def test_the_sandbox_shows_the_letter_that_confirms_a_wallet(
    gateway: Gateway, merchant: Merchant
) -> None:
    """Once: confirming what is confirmed writes nobody."""
    _activate(gateway, merchant)
    gateway.command("merchant", "set", str(merchant.id), "--active")

    box = call("GET", f"{gateway.url}/sandbox/info").json()["mail_url"]
    letters = [one for one in call("GET", box).json() if one["merchant_id"] == str(merchant.id)]
    page = call("GET", box, headers={"Accept": "text/html"})

    (letter,) = letters
    assert letter["to"] == "shop@example.com"
    assert letter["subject"] == "Your wallet is confirmed"
    assert WALLET in letter["text"]
    assert letter["state"] == "waiting"
    assert "Chai &amp; Sons" in page.text
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds children in Linux /proc")
async def test_a_killed_worker_loses_no_letter(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 while the relay reads it: the lease runs out and another worker sends it."""
    with post_office() as office:
        monkeypatch.setenv("NONSTOPAY_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("NONSTOPAY_SMTP_PORT", str(office.port))
        monkeypatch.setenv("NONSTOPAY_MAIL_FROM", "pay@gateway.example")
        gateway = Gateway(tmp_path_factory.mktemp("mail") / "data", free_port())
        gateway.start()
        try:
            await _killed_in_the_middle(gateway, office)
        finally:
            gateway.stop()


async def _killed_in_the_middle(gateway: Gateway, office: PostOffice) -> None:
    office.silent_seconds = 60
    await asyncio.to_thread(_activate, gateway, gateway.merchant())
    await eventually(lambda: office.offered, 1)
    await asyncio.to_thread(kill_worker, gateway)
    assert office.letters == []

    gateway.sandbox("clock", advance_seconds=121)

    await eventually(lambda: len(office.letters), 1)
    assert office.letters[0]["subject"] == "Your wallet is confirmed"
