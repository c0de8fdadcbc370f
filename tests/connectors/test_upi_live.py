"""The real test environments, where their keys and the internet are: collected only with keys.

`UPI_TEST_RAZORPAY__KEY_ID=rzp_test_…` and so on, one variable for each key of the provider's
section. What a payer must do by hand is not here; what we ask and how the answers read is.
"""

import os
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from nonstopay import clock, ids
from nonstopay.connectors import upi
from nonstopay.connectors.base import Order, UpiConnector, find
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind
from nonstopay.connectors.upi.link import refusals
from nonstopay.money import Money, fiat

PREFIX = "UPI_TEST_"
RUPEES = Money(10000, fiat("INR"))


def configured() -> dict[str, dict[str, str]]:
    """The providers of which the environment holds test keys, and these."""
    sections: dict[str, dict[str, str]] = {}
    for name, text in os.environ.items():
        provider, parted, key = name.removeprefix(PREFIX).lower().partition("__")
        if name.startswith(PREFIX) and parted:
            sections.setdefault(provider, {})[key] = text
    return sections


@pytest.fixture(params=sorted(configured()))
async def connector(request: pytest.FixtureRequest) -> AsyncIterator[UpiConnector]:
    async with ProviderHttp() as http:
        yield find(upi)[request.param](http, configured()[request.param])


async def test_a_start_gives_a_link_and_the_order_is_found(connector: UpiConnector) -> None:
    order = _order()

    opened = await connector.start(order)
    found = await connector.look_up(order.reference)

    assert opened.kind is Kind.WAITING, opened
    assert refusals(opened.link or "", RUPEES) == []
    assert (found.kind, found.amount) == (Kind.WAITING, RUPEES)


async def test_a_start_that_is_repeated_opens_nothing_new(connector: UpiConnector) -> None:
    order = _order()

    first = await connector.start(order)
    second = await connector.start(order)

    assert second.kind in (Kind.WAITING, Kind.EXPIRED)
    assert first.provider_reference == second.provider_reference


async def test_an_unpaid_order_has_nothing_to_refund(connector: UpiConnector) -> None:
    order = _order()
    await connector.start(order)

    refused = await connector.refund(order.reference, f"refund-{order.reference}", RUPEES)

    assert refused.kind is Kind.REFUND_REFUSED


async def test_an_order_that_nobody_opened_is_unknown(connector: UpiConnector) -> None:
    assert (await connector.look_up(f"NSP{ids.number_text(12)}")).kind is Kind.UNKNOWN


def _order() -> Order:
    return Order(
        reference=f"NSPTEST{ids.number_text(12)}",
        amount=RUPEES,
        payee_name="nonstopay",
        note="Test",
        expires_at=clock.now() + timedelta(minutes=20),
        notify_url="https://example.com/notifications",
        payer_email="payer@example.com",
        payer_phone="9999999999",
    )
