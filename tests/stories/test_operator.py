"""The operator's look at a running gateway: doctor, listen and trigger, as commands."""

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.stories.gateway import Gateway, nonstopay
from tests.stories.shop import open_shop

EVENTS = {
    "invoice.created": "invoice:created",
    "invoice.opened": "invoice:opened",
    "invoice.paid_by_payer": "invoice:awaiting_approval",
    "payment.declined": "invoice:opened",
}


def run(gateway: Gateway, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*nonstopay(*words), "--data", str(gateway.data)],
        capture_output=True,
        text=True,
        check=False,
    )


def checks(done: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, Any]]:
    return {one["check"]: one for one in json.loads(done.stdout)["checks"]}


@contextmanager
def listening(gateway: Gateway, log: Path, *words: str) -> Iterator[None]:
    """`nonstopay listen`, once it listens; what it says goes to `log`."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*nonstopay("listen"), *words, "--data", str(gateway.data)], stdout=out, stderr=out
        )
    try:
        deadline = time.monotonic() + 30
        while "listening" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def test_the_doctor_finds_a_running_gateway_in_order(gateway: Gateway) -> None:
    gateway.merchant()

    done = run(gateway, "doctor", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    found = checks(done)
    assert found["insert-only"]["verdict"] == "ok"
    assert found["sealed secrets"]["verdict"] == "ok"
    assert "is ready" in found["http"]["found"]
    assert json.loads(done.stdout)["ok"] is True


def test_the_doctor_fails_on_a_folder_that_others_can_read(own_gateway: Gateway) -> None:
    own_gateway.data.chmod(0o755)
    (own_gateway.data / "secret.key").chmod(0o644)

    done = run(own_gateway, "doctor", "--json")

    assert done.returncode == 1
    found = checks(done)
    assert found["data folder"]["advice"] == f"chmod 700 {own_gateway.data}"
    assert found["secret file"]["verdict"] == "fail"


def test_the_doctor_notices_another_installations_secret_key(own_gateway: Gateway) -> None:
    own_gateway.merchant()
    (own_gateway.data / "secret.key").write_text("another key that never sealed anything here")

    done = run(own_gateway, "doctor", "--json")

    assert done.returncode == 1
    assert checks(done)["sealed secrets"]["verdict"] == "fail"


def test_the_doctor_says_how_to_begin_and_makes_nothing(tmp_path: Path) -> None:
    nothing = Gateway(tmp_path / "data", 1)

    done = run(nothing, "doctor")

    assert "nonstopay serve" in done.stdout
    assert not nothing.data.exists()


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_made_to_happen_and_the_scratch_key_is_revoked(
    gateway: Gateway, event: str
) -> None:
    merchant = gateway.merchant()

    done = run(
        gateway, "trigger", event, "--set", f"merchant={merchant.id}", "--set", "amount=7.10"
    )

    assert done.returncode == 0, done.stdout + done.stderr
    invoice = merchant.newest_invoice()
    assert merchant.status(invoice) == EVENTS[event]
    assert merchant.infos(invoice)["amount"] == 7.1
    keys = gateway.command("merchant", "keys", str(merchant.id)).splitlines()
    assert [line for line in keys if "revoked" not in line] == keys[:1]
    assert len(keys) == 2


def test_late_success_and_expiry_move_the_clock(own_gateway: Gateway) -> None:
    merchant = own_gateway.merchant()

    late = run(own_gateway, "trigger", "payment.late_success")
    assert late.returncode == 0, late.stdout + late.stderr
    assert merchant.status(merchant.newest_invoice()) == "invoice:awaiting_approval"

    old = run(own_gateway, "trigger", "invoice.expired")
    assert old.returncode == 0, old.stdout + old.stderr
    assert merchant.status(merchant.newest_invoice()) == "invoice:expired"


def test_wrong_words_are_told_the_right_ones(gateway: Gateway) -> None:
    unknown = run(gateway, "trigger", "invoice.exploded")
    assert unknown.returncode == 1
    assert all(event in unknown.stderr for event in EVENTS)

    wish = run(gateway, "trigger", "invoice.created", "--set", "colour=red")
    assert wish.returncode == 1
    assert "amount=" in wish.stderr

    closed = gateway.command(
        "merchant", "create", "--email", "a@example.com", "--name", "No IP", "--active", "--json"
    )
    refused = run(
        gateway, "trigger", "invoice.created", "--set", f"merchant={closed['merchant_id']}"
    )
    assert refused.returncode == 1
    assert f"merchant set {closed['merchant_id']} --active --ip 127.0.0.1/32" in refused.stderr


def test_without_a_gateway_they_say_how_to_start_one(tmp_path: Path) -> None:
    nothing = Gateway(tmp_path / "data", 1)

    for words in (["listen"], ["trigger", "invoice.created"]):
        done = run(nothing, *words)
        assert done.returncode == 1
        assert "nonstopay serve" in done.stderr


async def test_listening_forwards_a_signed_copy_of_one_merchants_webhooks(
    gateway: Gateway, tmp_path: Path
) -> None:
    merchant, other = gateway.merchant(), gateway.merchant()
    log = tmp_path / "listen.log"
    with open_shop() as shop, open_shop() as own:
        gateway.command("merchant", "set", str(merchant.id), "--callback-url", own.url)
        words = ("--forward-to", shop.url, "--api-key", merchant.api_key)
        with listening(gateway, log, *words):
            other.new_page()
            merchant.new_page(callbackJson={"order": 17})
            (copy,) = await shop.wait_for(1)
            (real,) = await own.wait_for(1)
            deadline = time.monotonic() + 10
            while f"{own.url}: 204" not in log.read_text():
                assert time.monotonic() < deadline, log.read_text()
                await asyncio.sleep(0.05)

    assert copy.raw == real.raw
    assert copy.headers["webhook-id"] == real.headers["webhook-id"]
    Webhook(merchant.webhook_secret).verify(copy.raw, copy.headers)
    assert len(shop.messages) == 1, "the other merchant's are not shown"
    assert "forwarded: 204" in log.read_text()


def test_a_key_that_nobody_has_listens_to_nothing(gateway: Gateway) -> None:
    done = run(gateway, "listen", "--api-key", "nsp_sandbox_nobody")

    assert done.returncode == 1
    assert "no merchant" in done.stderr
