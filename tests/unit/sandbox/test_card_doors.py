"""The card bank's doors: its API to those without a key or manners, and the list of its cards."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from nonstopay.connectors.http import ProviderHttp
from nonstopay.store.db import Database
from tests.connectors.card_sandbox_laboratory import API_KEY, CardLaboratory, card_laboratory

CARD = {
    "number": "4242424242424242",
    "expiry_month": 12,
    "expiry_year": 2040,
    "code": "456",
    "holder": "Asha Rao",
}


@pytest.fixture
async def cards(database: Database) -> AsyncIterator[CardLaboratory]:
    async with ProviderHttp() as http, card_laboratory(database, http) as laboratory:
        yield laboratory


def wish(cards: CardLaboratory, **change: Any) -> dict[str, Any]:
    return {
        "reference": "payment7",
        "amount": "10.00",
        "currency": "EUR",
        "capture": True,
        "card": CARD,
        "payee_name": "Lotus Books",
        "note": "Invoice 7",
        "return_url": f"{cards.address}/back",
        "notify_url": f"{cards.address}/notifications",
    } | change


async def test_every_card_on_offer_can_be_charged(cards: CardLaboratory) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{cards.address}/sandbox/info") as response,
    ):
        offered = (await response.json())["cards"]

    outcomes = {one["number"]: one["outcome"] for one in offered}
    assert outcomes["4242424242424242"] == "success"
    assert outcomes["4000000000003220"] == "three_d_secure"
    assert outcomes["4000000000000119"] == "answer_lost"
    for number, outcome in outcomes.items():
        if outcome == "answer_lost":
            continue
        card = CARD | {"number": number, "code": "4567" if number.startswith("37") else "456"}
        status, answer = await cards.ask_bank(
            "POST", "", json=wish(cards, reference=f"r-{outcome}-{number[-4:]}", card=card)
        )
        assert (status, answer["amount"]) == (201, "10.00")
        assert (answer["code"] is None) == (answer["status"] != "declined")


@pytest.mark.parametrize("key", ["", "Bearer wrong", f"Basic {API_KEY}", "Bearer "])
async def test_the_bank_serves_nobody_without_its_key(cards: CardLaboratory, key: str) -> None:
    await cards.authorise()

    status, answer = await cards.ask_bank("GET", "/payment7", headers={"authorization": key})

    assert (status, answer["code"]) == (401, "not_allowed")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount": "0.00"}, "invalid amount"),
        ({"amount": 10}, "str"),
        ({"currency": "JPY"}, "currency must be one of: USD"),
        ({"card": CARD | {"number": "4242424242424241"}}, "card_number"),
        ({"card": CARD | {"number": 4242424242424242}}, "str"),
        ({"card": CARD | {"code": "4567"}}, "card_code"),
        ({"return_url": "nowhere"}, "return_url"),
    ],
    ids=["nothing", "number", "yen", "check_digit", "no_text", "code", "address"],
)
async def test_what_the_bank_cannot_read_is_told_and_not_repeated(
    cards: CardLaboratory, change: dict[str, Any], words: str
) -> None:
    status, answer = await cards.ask_bank("POST", "", json=wish(cards, **change))

    assert status == 400
    assert words in answer["error"]
    assert "4242" not in answer["error"]


async def test_a_stranger_with_a_valid_number_is_told_to_take_a_test_card(
    cards: CardLaboratory,
) -> None:
    card = CARD | {"number": "4111111111111111"}

    status, answer = await cards.ask_bank("POST", "", json=wish(cards, card=card))

    assert (status, answer["status"], answer["code"]) == (201, "declined", "not_a_test_card")
    assert answer["message"].startswith("not a test card")


async def test_the_bank_answers_with_nothing_of_the_card(cards: CardLaboratory) -> None:
    _, answer = await cards.ask_bank("POST", "", json=wish(cards))

    assert "4242" not in str(answer)
    assert "Asha" not in str(answer)


async def test_the_issuer_lets_its_form_lead_back_and_nowhere_else(cards: CardLaboratory) -> None:
    link = await cards.link()
    async with aiohttp.ClientSession() as session, session.get(link) as response:
        policy = response.headers["Content-Security-Policy"]

    assert f"form-action 'self' {cards.address};" in policy
    assert "default-src 'none'" in policy
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
