"""Coins that paid for nothing go back to an address that their payer names on the page."""

from urllib.parse import urlencode

import pytest

from tests.stories.crypto.market import Market, Sale, until
from tests.stories.crypto.test_paying import ACCEPTED, eventually, payers
from tests.stories.gateway import Answer, call
from tests.stories.payments.accounts import Auditor

HOME = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
"""Where the payer wants his coins."""


def names(sale: Sale, address: str) -> Answer:
    """The payer names an address in the page's form."""
    page = sale.told["redirectUrl"].replace("/create/", "/refund/")
    return call(
        "POST",
        page,
        urlencode({"address": address}).encode(),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )


async def test_what_was_over_goes_back_once(market: Market, auditor: Auditor) -> None:
    sale = market.asks("5.00", "USDC_polygon")
    sale.send("7.25")
    sale.mine()
    sale.becomes(ACCEPTED)
    await eventually(lambda: payers(auditor, market, "USDC_polygon"), "2.250000")

    first, second = names(sale, HOME), names(sale, HOME)
    assert (first.status, second.status) == (303, 303)
    await eventually(lambda: payers(auditor, market, "USDC_polygon"), "0.000000")

    lines = await auditor.conn.fetch(
        "SELECT debit, credit, amount::text AS amount FROM transfer WHERE movement = 'deposit_refunded'"
    )
    assert [tuple(line) for line in lines] == [("payer", "liquidity:polygon", "2250000")]
    assert await arrived(auditor) == 1, "the form sent twice sends once"


async def arrived(auditor: Auditor) -> int:
    rows = await auditor.conn.fetch(
        "SELECT tx_hash FROM crypto_refund WHERE tx_hash LIKE '0x%'"
    )
    return len(rows)


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
