"""A payer pays by crypto on the hosted page, on the sandbox's chains, in a real browser."""

import asyncio
import time
from typing import Any

import pytest
from playwright.async_api import Page, expect

from nonstopay.errors import Misconfigured
from nonstopay.sandbox.chain.node import find_program
from tests.stories.gateway import Gateway, call
from tests.stories.pages.browser import DESKTOP, PHONE, Payer
from tests.stories.pages.shopfront import open_shopfront
from tests.stories.pages.test_paying import new_page, shows
from tests.stories.payments.accounts import Auditor
from tests.stories.payments.till import Till

pytestmark = pytest.mark.browser
KILOBYTES_MAX = 30
READY_SECONDS = 30.0
OWN = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
on_a_phone = pytest.mark.parametrize("payer", [PHONE], indirect=True, ids=["phone"])
at_a_desk = pytest.mark.parametrize("payer", [DESKTOP], indirect=True, ids=["desktop"])


@pytest.fixture(autouse=True)
def chains_are_read(gateway: Gateway) -> None:
    """Each chain answered, and is being watched."""
    try:
        find_program()
    except Misconfigured as error:
        pytest.skip(str(error))
    deadline = time.monotonic() + READY_SECONDS
    while not all(call("GET", f"{gateway.url}/health/ready").json()["chains"].values()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def choose(page: Page, ticker: str, network: str) -> None:
    await page.get_by_role("group", name=ticker).get_by_role("button", name=network).click()


async def open_coin(payer: Payer, till: Till, **more: Any) -> tuple[Page, int, str]:
    """Go from a fresh invoice to an address for USDT on Polygon: the page, the invoice, its address."""
    url, invoice = new_page(till, **more)
    page = await payer.open(url)
    await page.get_by_role("link", name="Crypto").click()
    await choose(page, "USDT", "Polygon")
    await shows(page, "waiting")
    return page, invoice, url


async def told(page: Page, name: str) -> str:
    """The plain amount, or the whole address, as the page's buttons copy them."""
    return await page.locator(f"#{name}").get_attribute("value") or ""


async def send(
    till: Till,
    page: Page,
    amount: str | None = None,
    *,
    network: str = "polygon",
    coin: str = "USDT",
) -> None:
    """What the payer's wallet does; all that is asked unless he sends another amount."""
    wanted = amount or await told(page, "amount")
    address = await told(page, "address")
    body = {"network": network, "coin": coin, "address": address, "amount": wanted}
    await asyncio.to_thread(till.gateway.sandbox, "chain/pay", **body)


async def confirmed(page: Page, blocks: int) -> None:
    await expect(page.locator(".blocks")).to_contain_text(f"{blocks} of 3 confirmations")


async def mine(till: Till, blocks: int, network: str = "polygon") -> None:
    await asyncio.to_thread(till.gateway.sandbox, "chain/mine", network=network, blocks=blocks)


@on_a_phone
async def test_an_exact_payment_is_followed_block_by_block_to_its_end(
    payer: Payer, till: Till
) -> None:
    with open_shopfront() as front:
        page, invoice, _ = await open_coin(payer, till, success_url=front.url("thanks"))
        await page.evaluate("window.untouched = true")
        address = await told(page, "address")
        assert address.startswith("0x")
        await send(till, page)

        await shows(page, "seen")
        await confirmed(page, 1)
        await mine(till, 1)
        await confirmed(page, 2)
        assert await page.evaluate("window.untouched"), "the page was loaded anew"
        await mine(till, 1)
        await shows(page, "paid")
        await page.wait_for_url(front.url("thanks"))
    assert till.merchant.status(invoice) == "invoice:awaiting_approval"


@at_a_desk
async def test_choosing_a_coin_and_paying_weigh_little(payer: Payer, till: Till) -> None:
    page, _, _ = await open_coin(payer, till)
    await page.wait_for_load_state("load")
    assert 0 < await payer.weight() <= KILOBYTES_MAX * 1024


@on_a_phone
async def test_too_little_is_topped_up_on_the_same_page(
    payer: Payer, till: Till, auditor: Auditor
) -> None:
    page, invoice, _ = await open_coin(payer, till)
    await send(till, page, "2")
    await shows(page, "short")
    await mine(till, 2)
    await expect(page.locator(".lead")).to_contain_text("2 USDT of 5 USDT")
    assert await told(page, "amount") == "3"
    await send(till, page)
    await shows(page, "seen")
    await mine(till, 2)
    await shows(page, "paid")
    assert await auditor.states(invoice) == ["captured"]


@at_a_desk
async def test_another_coin_keeps_the_address_and_a_double_click_makes_one_attempt(
    payer: Payer, till: Till, auditor: Auditor
) -> None:
    url, invoice = new_page(till)
    page, second = await payer.open(url), await payer.open(url)
    for tab in (page, second):
        await tab.get_by_role("link", name="Crypto").click()
    button = page.get_by_role("group", name="USDT").get_by_role("button", name="Polygon")
    await button.dblclick()
    await shows(page, "waiting")
    await choose(second, "USDT", "Polygon")
    await shows(second, "waiting")
    await page.reload()
    address = await told(page, "address")
    assert await told(second, "address") == address
    assert await auditor.states(invoice) == ["waiting"]

    await page.get_by_role("link", name="Another coin or network").click()
    await choose(page, "USDC", "Ethereum")
    await expect(page.get_by_text("The address has not changed")).to_be_visible()
    assert await told(page, "address") == address


@on_a_phone
async def test_too_much_goes_back_to_an_address_that_the_payer_names(
    payer: Payer, till: Till, auditor: Auditor
) -> None:
    page, invoice, _ = await open_coin(payer, till)
    await send(till, page, "7.5")
    await shows(page, "seen")
    await mine(till, 2)
    await shows(page, "paid")
    await expect(page.get_by_role("heading", name="Get 2.5 USDT back")).to_be_visible()

    field, button = (
        page.get_by_label("Your address"),
        page.get_by_role("button", name="Send it back"),
    )
    await field.fill(OWN.replace("0x70", "0x71"))
    await button.click()
    await expect(page.locator("#refund-wrong")).to_have_text(
        "This is not an address on Polygon (sandbox). Copy it anew from your wallet, all of it."
    )
    await expect(field).to_have_value(OWN.replace("0x70", "0x71"))
    payer.complaints.clear()  # the browser's own word for the answer 422
    await field.fill(f" {OWN} ")
    await button.dblclick()
    await expect(page.get_by_text("Your money goes back to this address")).to_be_visible()
    await expect(page.get_by_text(OWN)).to_be_visible()
    await expect(field).to_have_count(0)
    assert await auditor.states(invoice) == ["captured"]


async def test_everything_works_without_scripts(payer_without_scripts: Payer, till: Till) -> None:
    page, invoice, _ = await open_coin(payer_without_scripts, till)
    await expect(page.locator("img.qr:visible")).to_have_count(1)
    await send(till, page)
    await mine(till, 2)
    await till.merchant.wait_for_status(invoice, "invoice:awaiting_approval")
    await page.reload()
    await shows(page, "paid")
    await page.get_by_role("link", name="Return to").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Payment successful")
