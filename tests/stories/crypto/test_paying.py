"""What comes of coins that payers send: exact, too little, too much, in parts, astray, taken back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.stories.crypto.market import Market, Sale
from tests.stories.payments.accounts import Auditor

OPENED, ACCEPTED = "invoice:opened", "invoice:awaiting_approval"


async def eventually(look: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    """Wait until a look finds what is wanted."""
    deadline = asyncio.get_running_loop().time() + 20
    while (found := await look()) != wanted:
        assert asyncio.get_running_loop().time() < deadline, found
        await asyncio.sleep(0.05)


async def states(auditor: Auditor, sale: Sale) -> list[str]:
    return await auditor.states(sale.invoice)


async def payers(auditor: Auditor, market: Market, coin: str) -> str:
    """What is held for payers in this coin."""
    return (await auditor.balances(market.merchant.id)).get(f"payer {coin}", "0")


def test_what_the_merchant_is_told(market: Market) -> None:
    sale = market.asks("15.04", "USDT_polygon")

    assert sale.told["network"] == "polygon"
    assert sale.told["coin"] == "USDT"
    assert sale.told["amountDue"] == "15.04"
    assert sale.told["address"] in sale.told["uri"]
    assert sale.told["uri"].endswith("uint256=15040000")
    assert sale.told["status"] == OPENED
    assert "html" not in sale.told


async def test_the_exact_amount_pays_when_it_is_sure(market: Market, auditor: Auditor) -> None:
    sale = market.asks("15.04")
    sale.send("15.04")

    sale.stays(OPENED)
    assert await states(auditor, sale) == ["processing"], "seen, and not sure"

    sale.mine(2)
    sale.becomes(ACCEPTED)

    assert sale.infos["fiat_amount"] == 15.04
    assert sale.infos["fiat_currency"] == "USDT_polygon"
    assert await auditor.lines(sale.invoice) == [
        ("deposit_accepted", "payer", "exchange", "15.040000", "USDT_polygon"),
        ("deposit_accepted", "exchange", "merchant", "15.04", "USD"),
        ("deposit_accepted", "merchant", "platform:fees", "1.50", "USD"),
    ]


async def test_too_little_waits_for_the_rest(market: Market, auditor: Auditor) -> None:
    sale = market.asks("10.00")
    sale.send("4")
    sale.mine()
    sale.stays(OPENED)

    sale.send("6")
    sale.mine()
    sale.becomes(ACCEPTED)

    assert await states(auditor, sale) == ["captured"]
    assert await payers(auditor, market, "USDT_polygon") == "0.000000"


async def test_two_halves_in_one_block_count_both(market: Market, auditor: Auditor) -> None:
    sale = market.asks("8.00", "USDC_ethereum")
    sale.send("4")
    sale.send("4")
    sale.mine()
    sale.becomes(ACCEPTED)

    assert await states(auditor, sale) == ["captured"]


async def test_a_little_less_is_enough(market: Market) -> None:
    sale = market.asks("100.00")
    sale.send("99.60")
    sale.mine()
    sale.becomes(ACCEPTED)

    assert sale.infos["fiat_amount"] == 99.6
    assert sale.infos["totalAmount"] == 89.64, "he is credited what came, less a tenth"


async def test_what_is_over_stays_the_payers(market: Market, auditor: Auditor) -> None:
    sale = market.asks("5.00", "USDC_bsc")
    sale.send("7.5")
    sale.mine()
    sale.becomes(ACCEPTED)

    assert sale.infos["fiat_amount"] == 5
    held = await payers(auditor, market, "USDC_bsc")
    assert held == "2.500000000000000000", "18 decimals, and none lost"


async def test_a_native_coin(market: Market) -> None:
    sale = market.asks("20.00", "ETH_ethereum")
    assert sale.told["amountDue"] == "0.005"

    sale.send("0.005")
    sale.mine()
    sale.becomes(ACCEPTED)

    assert sale.infos["fiat_currency"] == "ETH_ethereum"


async def test_the_wrong_network_is_credited_too(market: Market, auditor: Auditor) -> None:
    sale = market.asks("9.00", "USDT_polygon")
    sale.send("9", "USDT_bsc")
    sale.mine(network="bsc")
    sale.becomes(ACCEPTED)

    assert sale.infos["fiat_currency"] == "USDT_bsc"
    assert await states(auditor, sale) == ["waiting", "captured"]


async def test_a_look_alike_is_worth_nothing(market: Market, auditor: Auditor) -> None:
    sale = market.asks("9.00")
    sale.send("9", token="fake")
    sale.mine()

    sale.stays(OPENED, 1.5)
    assert await states(auditor, sale) == ["waiting"]


async def test_money_for_a_paid_invoice_stays_the_payers(market: Market, auditor: Auditor) -> None:
    sale = market.asks("3.00", "USDT_ethereum")
    sale.send("3")
    sale.mine()
    sale.becomes(ACCEPTED)

    sale.send("3")
    sale.mine()
    await eventually(lambda: payers(auditor, market, "USDT_ethereum"), "3.000000")
    assert await states(auditor, sale) == ["captured"]


@pytest.mark.parametrize("depth", [1, 2])
async def test_what_the_chain_takes_back_does_not_count(
    market: Market, auditor: Auditor, depth: int
) -> None:
    sale = market.asks("6.00")
    sale.send("6")
    for _ in range(depth - 1):
        sale.mine(1)
    await eventually(lambda: states(auditor, sale), ["processing"])

    sale.reorg(depth)
    await eventually(lambda: states(auditor, sale), ["waiting"])
    sale.mine()
    sale.stays(OPENED)

    sale.send("6")
    sale.mine()
    sale.becomes(ACCEPTED)


async def test_a_deep_reorganisation_withholds_the_money(market: Market, auditor: Auditor) -> None:
    sale = market.asks("7.00", "USDC_ethereum")
    sale.send("7")
    sale.mine(3)
    sale.becomes(ACCEPTED)

    sale.reorg(5)
    sale.mine(6)
    sale.becomes("invoice:withheld")

    lines = await auditor.conn.fetch(
        "SELECT debit, credit, amount FROM transfer WHERE movement = 'deposit_lost'"
    )
    assert [(one["debit"], one["credit"], int(one["amount"])) for one in lines] == [
        ("platform:losses", "deposits:ethereum", 7_000_000)
    ]


async def test_one_merchant_credits_all_that_comes(generous: Market, auditor: Auditor) -> None:
    over = generous.asks("4.00")
    over.send("5")
    over.mine()
    over.becomes(ACCEPTED)

    assert over.infos["fiat_amount"] == 5
    assert over.infos["totalAmount"] == 5

    short = generous.asks("4.00")
    short.send("3")
    short.mine()
    short.stays(OPENED)
    generous.gateway.sandbox("clock", advance_seconds=1900)
    short.becomes(ACCEPTED)

    assert short.infos["totalAmount"] == 3


async def test_what_comes_late_follows_the_merchant(generous: Market, auditor: Auditor) -> None:
    sale = generous.asks("2.00")
    generous.gateway.sandbox("clock", advance_seconds=1900)
    await eventually(lambda: states(auditor, sale), ["expired"])

    sale.send("2")
    sale.mine()
    sale.becomes(ACCEPTED)


async def test_a_merchant_hears_of_coins_on_their_way(market: Market, auditor: Auditor) -> None:
    sale = market.asks("2.00", "USDC_polygon")
    sale.send("1")
    await eventually(lambda: kinds(auditor, sale), ["crypto:seen"])
    sale.mine()
    await eventually(lambda: kinds(auditor, sale), ["crypto:seen", "crypto:underpaid"])


async def kinds(auditor: Auditor, sale: Sale) -> list[str]:
    rows = await auditor.conn.fetch(
        """SELECT e.kind FROM event e JOIN payment p ON p.merchant_id = e.merchant_id
              AND e.object = 'crypto' AND e.object_id = p.id
            WHERE p.invoice_id = $1 ORDER BY e.version""",
        sale.invoice,
    )
    return [row["kind"] for row in rows]
