"""The crypto pages in a real browser: searching, copying, two codes, and life without a script."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from nonstopay.web.checkout.crypto_page import CryptoPage
from nonstopay.web.checkout.crypto_render import render_coins, render_crypto
from tests.unit.web.crypto_pages import ADDRESS, CHOICES, CRYPTO, LINK, SEEN, SHORT
from tests.unit.web.test_checkout_in_browser import Shop, browser, page, shop

__all__ = ["browser", "page", "shop"]  # pytest finds them here
pytestmark = pytest.mark.browser


def waiting() -> CryptoPage:
    now = datetime.now(UTC)
    until = now + timedelta(minutes=12)
    return replace(CRYPTO, visit=replace(CRYPTO.visit, now=now), locked_until=until)


@pytest.fixture
def unscripted(browser: Browser) -> Iterator[Page]:
    with browser.new_context(java_script_enabled=False) as context:
        yield context.new_page()


def test_the_search_finds_by_ticker_name_and_network(shop: Shop, page: Page) -> None:
    shop.html = render_coins(CHOICES)
    page.goto(shop.url)
    search, coins = page.get_by_label("Search coin or network"), page.locator("[name=coin]:visible")
    for words, found in (
        ("tether", 6),
        ("usdc ethereum", 1),
        ("POLYGON", 3),
        ("  btc ", 1),
        ("bnb smart", 2),
        ("", 15),
    ):
        search.fill(words)
        expect(coins).to_have_count(found)
    search.fill("dogecoin")
    expect(page.get_by_text("Nothing here is called that.")).to_be_visible()
    expect(page.locator("fieldset:visible")).to_have_count(0)


def test_a_coin_pressed_twice_is_sent_once(shop: Shop, page: Page) -> None:
    shop.html = render_coins(CHOICES)
    page.goto(shop.url)
    page.evaluate("for (const _ of [1, 2]) document.querySelector('[value=USDT_base]').click()")
    page.wait_for_timeout(300)
    assert len(shop.posted) == 1


def test_what_is_copied_is_the_plain_number_and_the_whole_address(
    shop: Shop, browser: Browser
) -> None:
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        shop.html = render_crypto(waiting())
        page.goto(shop.url)
        for name, value in (("amount", "15.040001"), ("address", ADDRESS)):
            page.get_by_role("button", name=f"Copy the {name}").click()
            expect(page.get_by_role("status")).to_have_text("Copied")
            assert page.evaluate("navigator.clipboard.readText()") == value
        marked = page.evaluate(
            "getSelection().selectAllChildren(document.getElementById('address')) ?? `${getSelection()}`"
        )
        assert marked == ADDRESS, "by hand, too"


def test_both_codes_can_be_scanned_from_the_screen(shop: Shop, page: Page) -> None:
    shop.html = render_crypto(waiting())
    page.goto(shop.url)
    for choice, content in (("With amount", LINK), ("Address only", ADDRESS)):
        page.get_by_text(choice, exact=True).click()
        shot = page.locator(".code").screenshot()
        found = zxingcpp.read_barcode(Image.open(io.BytesIO(shot)))
        assert found is not None, choice
        assert found.text == content


def test_without_a_script_all_is_there(shop: Shop, unscripted: Page) -> None:
    page = unscripted
    shop.html = render_coins(CHOICES)
    page.goto(shop.url)
    expect(page.locator("[name=coin]:visible")).to_have_count(15)
    expect(page.get_by_label("Search coin or network")).to_be_hidden()
    shop.html = render_crypto(waiting())
    page.goto(shop.url)
    expect(page.locator("#address")).to_be_visible()
    expect(page.locator("img.qr:visible")).to_have_count(1)
    page.get_by_text("Address only", exact=True).click()
    expect(page.get_by_alt_text("QR code of the address")).to_be_visible()
    expect(page.locator("img.qr:visible")).to_have_count(1)
    assert page.locator("meta[http-equiv]").count() == 1


def test_each_step_replaces_the_one_before_without_loading(shop: Shop, page: Page) -> None:
    shop.html = render_crypto(waiting())
    page.goto(f"{shop.url}/pay/")
    page.evaluate("window.untouched = true")
    while not shop.listeners:
        page.wait_for_timeout(20)
    for revision, state, html in (
        ("3", "seen", render_crypto(replace(SEEN, revision="3"))),
        ("4", "seen", render_crypto(replace(SEEN, confirmations=2, revision="4"))),
        ("5", "short", render_crypto(replace(SHORT, revision="5"))),
    ):
        shop.html = html
        shop.tell(state, revision)
        expect(page.locator("#live")).to_have_attribute("data-revision", revision)
    expect(page.get_by_role("heading", level=1)).to_have_text("5.040001 USDT still missing")
    assert page.evaluate("window.untouched") is True
