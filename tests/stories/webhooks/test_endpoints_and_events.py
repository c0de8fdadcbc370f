"""Webhooks through the real doors: the operator's commands, the API, the stream, the metrics."""

import asyncio
import base64
import http.client
import json
from contextlib import ExitStack, closing, suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook

from nonstopay.config import API_PROCESSES_MAX
from nonstopay.web.api.events import STREAMS_OF_ONE_MAX
from tests.stories.gateway import Gateway, Merchant, call
from tests.stories.shop import Message, open_shop

GONE = 410


def webhook(merchant: Merchant, command: str, *words: str) -> Any:
    return merchant.gateway.command("webhook", command, str(merchant.id), *words)


def added(merchant: Merchant, *words: str) -> dict[str, str]:
    found: dict[str, str] = webhook(merchant, "add", *words, "--json")
    return found


async def test_a_second_endpoint_hears_what_it_asked_for_and_needs_no_secret(
    gateway: Gateway, merchant: Merchant
) -> None:
    """It checks the signature with the key that the gateway shows to everybody."""
    with open_shop() as callback, open_shop() as second:
        gateway.command("merchant", "set", str(merchant.id), "--callback-url", callback.url)
        facts = added(merchant, second.url, "--event", "invoice:opened", "--ed25519")
        call("GET", merchant.new_page(amount=5))
        await callback.wait_for(2)
        [told] = await second.wait_for(1)

    page = f"{gateway.url}/.well-known/nonstopay/webhook-keys/{merchant.id}/{facts['endpoint_id']}"
    [key] = call("GET", page).json()["keys"]
    assert told.body["status"] == "invoice:opened"
    assert key["whpk"] == facts["public_key"]
    verify_by_public_key(key["x"], told)
    Webhook(facts["webhook_secret"]).verify(told.raw, told.headers)
    assert call("GET", page.rpartition("/")[0] + "/999999").status == 404


async def test_an_operator_tests_changes_and_replays(gateway: Gateway, merchant: Merchant) -> None:
    with open_shop() as shop:
        endpoint = added(merchant, shop.url, "--description", "books")["endpoint_id"]
        said = await asyncio.to_thread(webhook, merchant, "test", endpoint)
        [test] = await shop.wait_for(1)
        webhook(merchant, "change", endpoint, "--event", "invoice:*")
        [shown] = webhook(merchant, "list", "--json")
        merchant.create()
        _, created = await shop.wait_for(2)
        again = webhook(merchant, "replay", created.headers["webhook-id"])
        _, _, replayed = await shop.wait_for(3)

    assert "Received, with status 204." in said
    assert test.body["status"] == "webhook:test"
    assert (shown["description"], shown["events"]) == ("books", ["invoice:*"])
    assert again.startswith("1 delivery")
    assert replayed.headers["webhook-id"] == created.headers["webhook-id"]
    assert replayed.raw == created.raw


async def test_what_was_given_up_is_shown_with_its_reason_and_comes_after_a_replay(
    gateway: Gateway, merchant: Merchant
) -> None:
    with open_shop() as shop:
        endpoint = added(merchant, shop.url)["endpoint_id"]
        shop.answers = [GONE]
        merchant.create()
        await shop.wait_for(1)
        dead = await until_there_is(lambda: webhook(merchant, "dead", "--json"))
        [off] = webhook(merchant, "list", "--json")
        webhook(merchant, "change", endpoint, "--on")
        webhook(merchant, "replay", "--failed-since", "2020-01-01")
        await shop.wait_for(2)

    assert [(one["kind"], one["attempts"]) for one in dead] == [("invoice:created", 1)]
    assert "410 Gone" in dead[0]["why"]
    assert off["disabled"] == "the endpoint answered 410 Gone"


async def test_the_feed_tells_the_same_with_cursors_and_to_its_merchant_only(
    gateway: Gateway, merchant: Merchant
) -> None:
    with open_shop() as shop:
        gateway.command("merchant", "set", str(merchant.id), "--callback-url", shop.url)
        for number in range(3):
            merchant.create(callbackJson={"order": number})
        told = await shop.wait_for(3)

    first = merchant.get("/api/events/", limit=2).json()
    rest = merchant.get("/api/events/", after=first["next"]).json()
    events = first["events"] + rest["events"]
    assert (first["errorCode"], first["more"], rest["more"]) == (0, True, False)
    assert [one["cursor"] for one in events] == ["1", "2", "3"]
    assert {one["id"]: one["body"] for one in events} == {
        one.headers["webhook-id"]: one.body for one in told
    }
    assert merchant.get("/api/events", after=rest["next"]).json()["events"] == []
    assert gateway.merchant().get("/api/events/").json()["events"] == []
    assert call("GET", f"{gateway.url}/api/events/").json()["errorCode"] == 50001
    for wrong in ({"after": "-1"}, {"after": "x"}, {"limit": 0}, {"limit": 101}):
        assert merchant.get("/api/events/", **wrong).json()["errorCode"] == 50014


async def test_the_stream_brings_what_happens_and_goes_on_where_it_was_cut(
    gateway: Gateway, merchant: Merchant
) -> None:
    merchant.create()
    merchant.create()
    await until_there_is(lambda: merchant.get("/api/events/").json()["events"][1:])
    with closing(Stream(merchant, after="1")) as stream:
        old = await asyncio.to_thread(stream.next)
        merchant.create(callbackJson={"order": "while it listens"})
        live = await asyncio.to_thread(stream.next)
    merchant.create()
    with closing(Stream(merchant, last_event_id=live["id"])) as stream:
        resumed = await asyncio.to_thread(stream.next)

    assert (old["id"], live["id"], resumed["id"]) == ("2", "3", "4")
    assert live["event"] == "invoice:created"
    assert json.loads(live["data"]) == merchant.get("/api/events/", after="2").json()["events"][0]


async def test_one_merchant_cannot_take_all_the_streams(
    gateway: Gateway, merchant: Merchant
) -> None:
    """Each API process counts its own, so the bound is felt after a few times sixteen."""
    other = gateway.merchant()
    with ExitStack() as open_ones:

        def open_too_many() -> None:
            for _ in range(STREAMS_OF_ONE_MAX * API_PROCESSES_MAX + 1):
                open_ones.enter_context(closing(Stream(merchant, after="0")))

        with pytest.raises(Refused, match="you have 16 streams open"):
            open_too_many()
        open_ones.enter_context(closing(Stream(other, after="0")))

    def admitted() -> bool:
        with suppress(Refused), closing(Stream(merchant, after="0")):
            return True
        return False

    await until_there_is(admitted)


def test_the_endpoints_are_listed_by_the_api(gateway: Gateway, merchant: Merchant) -> None:
    added(merchant, "http://127.0.0.1:9/hook", "--event", "invoice:paid")

    [shown] = merchant.get("/api/webhook-endpoints/get/").json()["endpoints"]

    assert (shown["url"], shown["events"]) == ("http://127.0.0.1:9/hook", ["invoice:paid"])
    assert not any("secret" in name for name in shown)


async def test_the_metrics_count_what_was_sent(gateway: Gateway, merchant: Merchant) -> None:
    with open_shop() as shop:
        gateway.command("merchant", "set", str(merchant.id), "--callback-url", shop.url)
        before = metric(gateway, 'nonstopay_webhook_attempts_total{result="received"}')
        waited = metric(gateway, "nonstopay_webhook_first_attempt_seconds_count")
        merchant.create()
        await shop.wait_for(1)

    def grown() -> bool:
        return metric(gateway, 'nonstopay_webhook_attempts_total{result="received"}') > before

    await until_there_is(grown)
    assert metric(gateway, "nonstopay_webhook_first_attempt_seconds_count") > waited
    assert metric(gateway, "nonstopay_webhook_overdue_seconds") < 60


class Refused(Exception):
    """What came in place of a stream."""


class Stream:
    """A merchant's program that reads server-sent events, a message at a time."""

    def __init__(self, merchant: Merchant, after: str = "", last_event_id: str = "") -> None:
        host = merchant.gateway.url.removeprefix("http://")
        self._connection = http.client.HTTPConnection(host, timeout=20)
        headers = {"API-KEY": merchant.api_key}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        self._connection.request("GET", f"/api/events/stream/?after={after}", headers=headers)
        self._answer = self._connection.getresponse()
        if not self._answer.headers["content-type"].startswith("text/event-stream"):
            said = f"{self._answer.status} {self._answer.read().decode()}"
            self.close()
            raise Refused(said)

    def next(self) -> dict[str, str]:
        """The next message that has data."""
        fields: dict[str, str] = {}
        while True:
            line = self._answer.readline().decode().rstrip("\n")
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
            elif "data" in fields:
                return fields
            else:
                fields = {}

    def close(self) -> None:
        self._connection.close()


def verify_by_public_key(x: str, told: Message) -> None:
    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(x + "=="))
    signatures = told.headers["webhook-signature"].split(" ")
    [asymmetric] = [one.removeprefix("v1a,") for one in signatures if one.startswith("v1a,")]
    signed = f"{told.headers['webhook-id']}.{told.headers['webhook-timestamp']}.".encode()
    key.verify(base64.b64decode(asymmetric), signed + told.raw)


def metric(gateway: Gateway, name: str) -> float:
    """A sample's value; 0 if it is not there yet."""
    for line in call("GET", f"{gateway.url}/metrics").text.splitlines():
        sample, _, value = line.rpartition(" ")
        if sample == name:
            return float(value)
    return 0


async def until_there_is(look: Any) -> Any:
    async with asyncio.timeout(20):
        while True:
            if found := await asyncio.to_thread(look):
                return found
            await asyncio.sleep(0.1)
