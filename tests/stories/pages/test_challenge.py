"""The issuer's page of 3-D Secure as card holders see it, on phones and at desks."""

from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind, Reason
from nonstopay.store.db import Database
from tests.connectors.card_sandbox_laboratory import CHALLENGED, CardLaboratory, card_laboratory
from tests.stories.pages.browser import Payer

pytestmark = pytest.mark.browser
FINGER = 44
"""CSS pixels that a finger hits (WCAG 2.2, 2.5.5)."""


@pytest.fixture
async def cards(database: Database) -> AsyncIterator[CardLaboratory]:
    """The pretend bank, without a gateway before it."""
    async with ProviderHttp() as http, card_laboratory(database, http) as laboratory:
        yield laboratory


async def test_the_holder_types_his_code_and_is_back_at_the_shop(
    payer: Payer, cards: CardLaboratory
) -> None:
    page = await payer.open(await cards.link())

    await expect(page.get_by_role("heading")).to_have_text("Confirm your payment")
    await expect(page.get_by_text("$15.04")).to_be_visible()
    await expect(page.get_by_text("Lotus Books")).to_be_visible()
    await expect(page.get_by_text("3220")).to_be_visible()
    code = page.get_by_label("One-time code")
    await expect(code).to_be_focused()
    await expect(code).to_have_attribute("autocomplete", "one-time-code")
    await expect(code).to_have_attribute("inputmode", "numeric")
    await page.keyboard.type("123456")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading")).to_have_text("Back at the shop")
    assert page.url == f"{cards.address}/back?token=abc.def"
    assert (await cards.look_up()).kind is Kind.CAPTURED
    assert payer.hosts == {urlsplit(cards.address).netloc}


async def test_a_wrong_code_ends_it_and_leads_back_too(payer: Payer, cards: CardLaboratory) -> None:
    page = await payer.open(await cards.link())

    await page.get_by_label("One-time code").fill("000000")
    await page.get_by_role("button", name="Confirm").click()

    await expect(page.get_by_role("heading")).to_have_text("Back at the shop")
    assert (await cards.look_up()).reason is Reason.AUTHENTICATION_FAILED


async def test_a_page_that_was_closed_is_opened_again_and_paid_once(
    payer: Payer, cards: CardLaboratory
) -> None:
    link = await cards.link()
    await (await payer.open(link)).close()
    first, second = await payer.open(link), await payer.open(link)

    for page in (first, second):
        await page.get_by_label("One-time code").fill("123456")
        await page.get_by_role("button", name="Confirm").click()
        await expect(page.get_by_role("heading")).to_have_text("Back at the shop")
    await cards.settle()

    assert cards.told_kinds() == [Kind.CAPTURED]
    again = await payer.open(link)
    await expect(again.get_by_role("heading")).to_have_text("You have confirmed this payment")
    await again.get_by_role("link", name="Back to Lotus Books").click()
    await expect(again.get_by_role("heading")).to_have_text("Back at the shop")


async def test_a_shop_of_another_host_is_led_back_to(payer: Payer, cards: CardLaboratory) -> None:
    """Browsers hold a page's `form-action` against redirects of its forms too."""
    shop = cards.address.replace("127.0.0.1", "localhost")
    charge = cards.charge(CHALLENGED)
    outcome = await cards.connector.authorise(replace(charge, return_url=f"{shop}/back?token=1"))
    assert outcome.link
    page = await payer.open(outcome.link)

    await page.get_by_role("button", name="Cancel payment").click()

    await expect(page.get_by_role("heading")).to_have_text("Back at the shop")
    assert page.url == f"{shop}/back?token=1"


async def test_it_fits_its_screen_and_fingers(payer: Payer, cards: CardLaboratory) -> None:
    page = await payer.open(await cards.link())

    for name in ("Confirm", "Cancel payment"):
        box = await page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= FINGER
    width = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0


async def test_it_works_without_scripts(
    payer_without_scripts: Payer, cards: CardLaboratory
) -> None:
    page = await payer_without_scripts.open(await cards.link())

    await page.get_by_role("button", name="Cancel payment").click()

    await expect(page.get_by_role("heading")).to_have_text("Back at the shop")
    assert (await cards.look_up()).reason is Reason.CANCELLED_BY_PAYER
    assert payer_without_scripts.loads[-1].endswith("/back?token=abc.def")
