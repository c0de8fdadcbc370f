"""A payer pays on the hosted page, in a real browser, on a phone and at a desk."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from tests.stories.gateway import call
from tests.stories.pages.browser import Payer
from tests.stories.pages.shopfront import open_shopfront
from tests.stories.payments.accounts import Auditor
from tests.stories.payments.till import Till, eventually_so

pytestmark = pytest.mark.browser
KILOBYTES_MAX = 20


def new_page(till: Till, **more: Any) -> tuple[str, int]:
    """A fresh invoice: its page's address, its number."""
    return till.merchant.new_page(amount=5, **more), till.merchant.newest_invoice()


async def choose_upi(page: Page) -> None:
    await page.get_by_role("button", name="UPI").click()
    await shows(page, "waiting")


async def shows(page: Page, state: str) -> None:
    await expect(page.locator("#live")).to_have_attribute("data-state", state, timeout=15_000)


async def pay_with_the_pretend_app(payer: Payer, page: Page, button: str) -> None:
    """Follow the page's link to the pretend UPI app, in a tab of its own, and press there."""
    async with payer.context.expect_page() as opening:
        await page.get_by_role("link", name="Open the pretend UPI app").click()
    app = await opening.value
    await app.get_by_role("button", name=button).click()
    await expect(app.locator(".result")).to_be_visible()
    await app.close()


async def test_the_page_turns_to_paid_by_itself_and_leads_back_to_the_shop(
    payer: Payer, till: Till
) -> None:
    with open_shopfront() as front:
        url, invoice = new_page(till, success_url=front.url("thanks?order=17"))
        page = await payer.open(url)
        await choose_upi(page)
        await page.evaluate("window.untouched = true")
        loaded = list(payer.loads)

        await pay_with_the_pretend_app(payer, page, "Pay ₹")

        await shows(page, "paid")
        assert await page.evaluate("window.untouched"), "the page was loaded anew"
        assert [one for one in payer.loads if one not in loaded and "/sandbox/" not in one] == []
        await expect(page.get_by_role("heading", level=1)).to_have_text("Paid")
        await page.wait_for_url(front.url("thanks?order=17"))
        assert front.visits == [("/thanks?order=17", None)], "no referrer: the address is a secret"
    assert till.merchant.status(invoice) == "invoice:awaiting_approval"
    assert payer.hosts == {till.gateway.url.removeprefix("http://"), front.host}


async def test_all_that_a_payer_loads_weighs_little(payer: Payer, till: Till) -> None:
    url, _ = new_page(till)
    page = await payer.open(url)
    await page.wait_for_load_state("load")
    choosing = await payer.weight()
    await choose_upi(page)
    await page.wait_for_load_state("load")

    icon = await page.locator("link[rel=icon]").get_attribute("href")
    weight = await payer.weight() + _weight_of(till, icon or "", payer)
    assert 0 < choosing <= KILOBYTES_MAX * 1024
    assert weight <= KILOBYTES_MAX * 1024, "choosing and paying together, over the wire"


def _weight_of(till: Till, path: str, payer: Payer) -> int:
    """What the browser would have loaded too, if it did not: some fetch no icon without a window."""
    if any(urlsplit(request.url).path == path for request in payer.answered):
        return 0
    answer = call("GET", till.gateway.url + path, headers={"Accept-Encoding": "gzip"})
    return len(answer.body) + len(str(answer.headers))


async def test_a_refused_payer_tries_again_with_the_same_code(
    payer: Payer, till: Till, auditor: Auditor
) -> None:
    url, invoice = new_page(till)
    page = await payer.open(url)
    await choose_upi(page)

    await pay_with_the_pretend_app(payer, page, "Wrong PIN")
    await shows(page, "declined")
    await expect(page.get_by_text("The UPI PIN was not right.", exact=True)).to_be_visible()
    await pay_with_the_pretend_app(payer, page, "Pay ₹")

    await shows(page, "paid")
    assert await auditor.states(invoice) == ["captured"]


async def test_reload_second_tab_back_button_and_double_click_make_one_payment(
    payer: Payer, till: Till, auditor: Auditor
) -> None:
    url, invoice = new_page(till)
    page, second = await payer.open(url), await payer.open(url)

    await page.get_by_role("button", name="UPI").dblclick()
    await shows(page, "waiting")
    await choose_upi(second)
    await page.reload()
    await shows(page, "waiting")
    await page.go_back()
    await page.goto(url)
    await shows(page, "waiting")
    token = url.partition("?")[2]
    pay = f"{till.gateway.url}/widget/sale/pay/?{token}&method=upi"
    await asyncio.gather(*(asyncio.to_thread(call, "POST", pay) for _ in range(8)))

    assert await auditor.states(invoice) == ["waiting"]
    await pay_with_the_pretend_app(payer, second, "Pay ₹")
    await shows(page, "paid")
    await shows(second, "paid")
    assert await auditor.states(invoice) == ["captured"]


async def test_the_payer_may_leave_and_come_back(payer: Payer, till: Till) -> None:
    with open_shopfront() as front:
        url, invoice = new_page(till, cancel_url=front.url("basket"))
        page = await payer.open(url)
        await choose_upi(page)

        await page.get_by_role("button", name="Cancel and go back").click()
        await shows(page, "cancelled")
        assert till.merchant.status(invoice) == "invoice:opened", "nothing was cancelled"
        await page.get_by_role("link", name="Pay after all").click()
        await shows(page, "waiting")
        await page.get_by_role("button", name="Cancel and go back").click()
        await page.get_by_role("link", name="Return to").click()
        await page.wait_for_url(front.url("basket"))


async def test_everything_works_without_scripts(
    payer_without_scripts: Payer, till: Till, auditor: Auditor
) -> None:
    payer = payer_without_scripts
    url, invoice = new_page(till)
    page = await payer.open(url)

    await choose_upi(page)
    await expect(page.locator(".code img.qr")).to_be_visible()
    await pay_with_the_pretend_app(payer, page, "Pay ₹")
    await eventually_so(lambda: auditor.states(invoice), ["captured"])
    await shows(page, "paid")  # by the page's own refresh, every ten seconds

    await page.get_by_role("link", name="Return to").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Payment successful")


async def test_the_payer_reads_it_in_his_language(payer: Payer, till: Till) -> None:
    url, _ = new_page(till)
    page = await payer.open(url)

    await page.get_by_role("link", name="Français").click()
    assert await page.locator("html").get_attribute("lang") == "fr"
    await page.locator("form button.method").click()
    await shows(page, "waiting")
    assert await page.locator("html").get_attribute("lang") == "fr", "a button keeps the language"
    await page.get_by_role("link", name="हिन्दी").click()
    assert await page.locator("html").get_attribute("lang") == "hi"
    await shows(page, "waiting")
