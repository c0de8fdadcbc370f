"""Coins that paid for nothing go back to an address that their payer names on the page."""

import html
import re
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from tests.stories.crypto.market import Market, Sale, until
from tests.stories.crypto.test_paying import ACCEPTED, eventually, payers
from tests.stories.gateway import Answer, call
from tests.stories.payments.accounts import Auditor

HOME = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
"""Where the payer wants his coins."""


def names(sale: Sale, address: str) -> Answer:
    """The payer opens the page, and names an address in its form."""
    page = html.unescape(call("GET", sale.told["redirectUrl"]).text)
    form = re.search(r'action="(/widget/sale/refund/[^"]+)"', page)
    assert form is not None, page
    return send(sale, form[1], address)


def send(sale: Sale, form: str, address: str) -> Answer:
    return call(
        "POST",
        f"{sale.market.gateway.url}{form}",
        urlencode({"address": address}).encode(),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )


async def test_what_was_over_goes_back_once(market: Market, auditor: Auditor) -> None:
    others = f"{Decimal(await payers(auditor, market, 'USDC_polygon')):.6f}"
    sale = market.asks("5.00", "USDC_polygon")
    sale.send("7.25")
    sale.mine()
    sale.becomes(ACCEPTED)
    held = await payers(auditor, market, "USDC_polygon")
    assert Decimal(held) - Decimal(others) == Decimal("2.25")

    assert names(sale, HOME).status == 303
    await eventually(lambda: payers(auditor, market, "USDC_polygon"), others)

    lines = await auditor.conn.fetch(
        "SELECT debit, credit, amount::text AS amount FROM transfer WHERE movement = 'deposit_refunded'"
    )
    assert [tuple(line) for line in lines] == [("payer", "liquidity:polygon", "2250000")]
    page = call("GET", sale.told["redirectUrl"]).text
    assert 'action="/widget/sale/refund/' not in page, "there is nothing left to ask for"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "0x90f79bf6eb2c4f870365e785982e1f101e93b906",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    ],
    ids=["none", "no checksum", "another network"],
)
def test_an_address_that_is_none_is_told_and_nothing_is_sent(market: Market, address: str) -> None:
    sale = market.asks("2.00", "USDT_bsc")
    sale.send("3")
    sale.mine()
    sale.becomes(ACCEPTED)

    assert names(sale, address).status == 422
    assert names(sale, sale.told["address"]).status == 422, "our own"


def test_a_merchant_cannot_send_coins_nobody_knows_where_to(market: Market) -> None:
    sale = market.asks("2.00", "USDT_polygon")
    sale.send("2")
    sale.mine()
    sale.becomes(ACCEPTED)

    answer = market.merchant.post("/api/invoice/refund/", {"id": sale.invoice}).json()
    assert answer["errorCode"] == 50017
    assert "address that the payer names" in answer["errorMessage"]
    until(lambda: sale.status == ACCEPTED, "nothing was set aside")
