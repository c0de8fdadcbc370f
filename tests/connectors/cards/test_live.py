"""The real test environments, where their keys and the internet are: collected only with keys.

`CARD_TEST_STRIPE__SECRET_KEY=sk_test_…` and so on, one variable for each key of the provider's section.
What a payer must do by hand is not here; what we ask and how the answers read is.
"""

import os
from collections.abc import AsyncIterator

import pytest

from nonstopay import ids
from nonstopay.card_number import parse_code, parse_number
from nonstopay.connectors import card
from nonstopay.connectors.base import find
from nonstopay.connectors.charge import Browser, Card, CardConnector, Charge, Paid, Payer
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind, Outcome
from nonstopay.money import Money, fiat

PREFIX = "CARD_TEST_"
WHOLE = Money(1234, fiat("EUR"))
NUMBERS = {"adyen": "4111111111111111"}
GOOD = "4242424242424242"
CODES = {"adyen": "737", "checkout": "100"}
EXPIRIES = {"adyen": (3, 2030)}


def configured() -> dict[str, dict[str, str]]:
    """The providers of which the environment holds test keys, and these."""
    sections: dict[str, dict[str, str]] = {}
    for name, text in os.environ.items():
        provider, parted, key = name.removeprefix(PREFIX).lower().partition("__")
        if name.startswith(PREFIX) and parted:
            sections.setdefault(provider, {})[key] = text
    return sections


@pytest.fixture(params=sorted(configured()))
async def connector(request: pytest.FixtureRequest) -> AsyncIterator[CardConnector]:
    async with ProviderHttp() as http:
        yield find(card)[request.param](http, configured()[request.param])


async def test_a_charge_is_made_once(connector: CardConnector) -> None:
    charge = _charge(connector.name, capture=True)

    first = await connector.authorise(charge)
    second = await connector.authorise(charge)

    assert first.kind in (Kind.CAPTURED, Kind.PROCESSING), first
    assert first.provider_reference == second.provider_reference


async def test_a_reservation_is_taken_in_part_and_given_back(connector: CardConnector) -> None:
    charge = _charge(connector.name, capture=False)
    held = await connector.authorise(charge)
    paid = Paid(reference=charge.reference, provider_reference=held.provider_reference)
    part = Money(1000, WHOLE.currency)
    taken = await connector.capture(paid, f"capture-{charge.reference}", part, final=True)

    assert (held.kind, held.amount) == (Kind.AUTHORISED, WHOLE)
    assert taken.kind in (Kind.CAPTURED, Kind.PROCESSING), taken
    if taken.kind is Kind.CAPTURED:
        back = await connector.refund(paid, f"refund-{charge.reference}", part)
        assert back.kind in (Kind.REFUNDED, Kind.PROCESSING), back


async def test_a_reservation_is_let_go(connector: CardConnector) -> None:
    charge = _charge(connector.name, capture=False)
    held = await connector.authorise(charge)
    paid = Paid(reference=charge.reference, provider_reference=held.provider_reference)

    assert (await connector.void(paid, f"void-{charge.reference}")).kind in (
        Kind.VOIDED,
        Kind.PROCESSING,
    )


async def test_a_charge_that_was_never_made_is_not_found(connector: CardConnector) -> None:
    nameless = Paid(reference=f"NSPTEST{ids.number_text(12)}", provider_reference=None)
    heard: Outcome = await connector.look_up(nameless)

    assert heard.kind in (Kind.UNKNOWN, Kind.DECLINED)


def _charge(name: str, *, capture: bool) -> Charge:
    month, year = EXPIRIES.get(name, (12, 2034))
    return Charge(
        reference=f"NSPTEST{ids.number_text(12)}",
        amount=WHOLE,
        card=Card(
            number=parse_number(NUMBERS.get(name, GOOD)),
            expiry_month=month,
            expiry_year=year,
            code=parse_code(CODES.get(name, "123")),
            holder="Test Payer",
        ),
        payer=Payer(email="payer@example.com"),
        browser=Browser(ip="203.0.113.7", user_agent="Mozilla/5.0"),
        capture=capture,
        payee_name="nonstopay",
        note="Test",
        return_url="https://example.com/back",
        notify_url="https://example.com/notifications",
    )
