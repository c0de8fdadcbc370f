"""A merchant sets up his endpoints over the API, and never sees or touches another's."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.stories.gateway import Gateway, Merchant, call
from tests.stories.payments.accounts import audit
from tests.stories.payments.till import eventually
from tests.stories.shop import open_shop

NOBODY = "http://127.0.0.1:9/hook"
GONE = 410


@pytest.fixture(scope="module")
def regular(gateway: Gateway) -> Merchant:
    """A merchant whose calls are all refused."""
    return gateway.merchant(name="Regular")


def ask(merchant: Merchant, verb: str, body: dict[str, Any], **headers: str) -> Any:
    return merchant.post(f"/api/webhook-endpoints/{verb}/", body, **headers).json()


def done(merchant: Merchant, verb: str, body: dict[str, Any], **headers: str) -> Any:
    answer = ask(merchant, verb, body, **headers)
    assert answer["errorCode"] == 0, answer
    return answer


def looked_up(merchant: Merchant, what: str, **query: Any) -> Any:
    return merchant.get(f"/api/webhook-endpoints/{what}/", **query).json()


def shown(merchant: Merchant) -> list[Any]:
    found: list[Any] = looked_up(merchant, "get")["endpoints"]
    return found


async def test_from_the_first_endpoint_to_its_end(gateway: Gateway, merchant: Merchant) -> None:
    with open_shop() as shop, open_shop() as moved:
        made = done(
            merchant,
            "create",
            {"url": shop.url, "events": ["invoice:*"], "description": "books", "ed25519": True},
        )
        tested = done(merchant, "test", {"id": made["id"]})
        [test] = await shop.wait_for(1)
        Webhook(made["webhook_secret"]).verify(test.raw, test.headers)
        done(merchant, "change", {"id": made["id"], "url": moved.url, "ed25519": False})
        new = done(merchant, "rotate-secret", {"id": made["id"], "overlap_hours": 0})
        merchant.create()
        [created] = await moved.wait_for(1)

    Webhook(new["webhook_secret"]).verify(created.raw, created.headers)
    assert len(created.headers["webhook-signature"].split(" ")) == 1
    assert test.headers["webhook-id"] == tested["event"]
    assert made["public_key"].startswith("whpk_")

    def on_record() -> Any:
        return looked_up(merchant, "attempts", id=made["id"], event=tested["event"])["attempts"]

    await eventually(lambda: len(on_record()), 1)
    [attempt] = on_record()
    assert (attempt["status"], attempt["explanation"]) == (204, "Received, with status 204.")
    [endpoint] = shown(merchant)
    assert (endpoint["url"], endpoint["events"], endpoint["description"]) == (
        moved.url,
        ["invoice:*"],
        "books",
    )
    assert (endpoint["public_keys"], endpoint["pending"]) == ([], 0)
    done(merchant, "remove", {"id": made["id"]})
    assert shown(merchant) == []


async def test_what_failed_is_listed_with_its_reason_and_sent_again(merchant: Merchant) -> None:
    with open_shop() as shop:
        made = done(merchant, "create", {"url": shop.url})
        shop.answers = [GONE]
        merchant.create()
        await shop.wait_for(1)
        await eventually(lambda: len(looked_up(merchant, "dead")["list"]), 1)
        [dead] = looked_up(merchant, "dead")["list"]
        [off] = shown(merchant)
        done(merchant, "change", {"id": made["id"], "on": True})
        again = done(merchant, "replay", {"event": dead["event"]}, Idempotency_Key="again")
        once = done(merchant, "replay", {"event": dead["event"]}, Idempotency_Key="again")
        first, second = await shop.wait_for(2)
        await asyncio.sleep(0.5)

    assert (dead["kind"], dead["endpoint"], dead["attempts"]) == ("invoice:created", made["id"], 1)
    assert "410 Gone" in dead["why"]
    assert off["disabled"] == "the endpoint answered 410 Gone"
    assert again == once == {"errorCode": 0, "deliveries": 1}
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == dead["event"]
    assert len(shop.messages) == 2


def test_a_repeat_with_its_key_is_answered_with_the_same_secret_and_makes_nothing(
    merchant: Merchant,
) -> None:
    body = {"url": NOBODY, "events": ["invoice:paid"]}
    with ThreadPoolExecutor(8) as crowd:
        answers = list(
            crowd.map(lambda _: done(merchant, "create", body, Idempotency_Key="k"), range(16))
        )
    other = merchant.post(
        "/api/webhook-endpoints/create/", {**body, "description": "x"}, Idempotency_Key="k"
    )

    assert len({answer["webhook_secret"] for answer in answers}) == 1
    assert len(shown(merchant)) == 1
    assert (other.status, "description" in other.text) == (422, True)


async def test_no_secret_lies_open_in_the_database(gateway: Gateway, merchant: Merchant) -> None:
    made = done(merchant, "create", {"url": NOBODY}, Idempotency_Key="sealed")
    async with audit(gateway) as auditor:
        kept = await auditor.conn.fetchrow(
            "SELECT answer, answer_sealed FROM idempotency WHERE merchant_id = $1 AND key = 'sealed'",
            merchant.id,
        )

    assert kept is not None
    assert kept["answer"] is None
    assert made["webhook_secret"].encode() not in kept["answer_sealed"]


def test_what_belongs_to_another_is_not_there(gateway: Gateway, merchant: Merchant) -> None:
    mine = done(merchant, "create", {"url": NOBODY})["id"]
    event = done(merchant, "test", {"id": mine})["event"]
    stranger = gateway.merchant(name="Stranger")

    for verb, body in (
        ("change", {"id": mine, "url": "http://127.0.0.1:10/his"}),
        ("remove", {"id": mine}),
        ("rotate-secret", {"id": mine}),
        ("test", {"id": mine}),
        ("replay", {"id": mine, "event": event}),
    ):
        assert ask(stranger, verb, body)["errorCode"] == 50016, verb
    assert looked_up(stranger, "attempts", id=mine, event=event)["errorCode"] == 50016
    assert ask(stranger, "replay", {"event": event})["deliveries"] == 0
    assert looked_up(stranger, "dead")["list"] == shown(stranger) == []
    [untouched] = shown(merchant)
    assert (untouched["url"], untouched["version"]) == (NOBODY, 2)


@pytest.mark.parametrize(
    ("verb", "body", "code", "words"),
    [
        ("create", {}, 50015, "url required"),
        ("create", {"url": ["x"]}, 50014, "invalid url"),
        ("create", {"url": "ftp://x"}, 50014, "must begin with https://"),
        ("create", {"url": NOBODY, "events": ["invoice:payed"]}, 50014, "invoice:paid"),
        ("create", {"url": NOBODY, "events": [7]}, 50014, "invalid events"),
        ("create", {"url": NOBODY, "events": {"a": 1}}, 50014, "invalid events"),
        ("create", {"url": NOBODY, "events": ["invoice:*"] * 51}, 50014, "50 at most"),
        ("create", {"url": NOBODY, "description": "x" * 201}, 50014, "200"),
        ("create", {"url": NOBODY, "ed25519": "yes"}, 50014, "invalid ed25519"),
        ("create", {"url": NOBODY, "ed25519": 1}, 50014, "invalid ed25519"),
        ("change", {"url": NOBODY}, 50015, "id required"),
        ("change", {"id": "x"}, 50014, "invalid id"),
        ("change", {"id": -1}, 50014, "invalid id"),
        ("change", {"id": 1.5}, 50014, "invalid id"),
        ("change", {"id": 10**18}, 50014, "invalid id"),
        ("remove", {"id": 10**17}, 50016, "no such webhook endpoint"),
        ("rotate-secret", {"id": 1, "overlap_hours": 169}, 50014, "invalid overlap_hours"),
        ("replay", {}, 50014, "give event"),
        ("replay", {"event": "912"}, 50014, "invalid event"),
        ("replay", {"from": "evt_1"}, 50015, "to required"),
        ("replay", {"event": "evt_1", "failed_since": "2026-01-01 00:00:00"}, 50014, "give event"),
        ("replay", {"failed_since": "2026-13-01 00:00:00"}, 50014, "invalid failed_since"),
        ("replay", {"failed_since": "yesterday"}, 50014, "invalid failed_since"),
    ],
)
def test_what_is_wrong_is_named(
    regular: Merchant, verb: str, body: dict[str, Any], code: int, words: str
) -> None:
    answer = ask(regular, verb, body)

    assert answer["errorCode"] == code
    assert words in answer["errorMessage"]


def test_a_form_does_as_well_and_a_stranger_is_not_let_in(merchant: Merchant) -> None:
    url = f"{merchant.gateway.url}/api/webhook-endpoints/create/"
    form = f"url={NOBODY}&events=invoice:paid, invoice:expired&ed25519=true".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    made = call("POST", url, form, {**headers, "API-KEY": merchant.api_key}).json()

    assert made["public_key"].startswith("whpk_")
    assert shown(merchant)[0]["events"] == ["invoice:expired", "invoice:paid"]
    assert call("POST", url, form, headers).json()["errorCode"] == 50001
    assert call("GET", url, headers={"API-KEY": merchant.api_key}).status == 405


def test_the_command_names_the_known_events_too(merchant: Merchant) -> None:
    with pytest.raises(AssertionError, match=r"invoice:\*"):
        merchant.gateway.command(
            "webhook", "add", str(merchant.id), NOBODY, "--event", "invoice:payed"
        )
