"""A payer pays by card on the hosted page, in a real browser, on a phone and at a desk."""

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.async_api import Page, expect

from tests.stories.gateway import Answer, Gateway, call
from tests.stories.pages.browser import PHONE, Payer
from tests.stories.pages.shopfront import open_shopfront
from tests.stories.pages.test_paying import new_page, shows
from tests.stories.payments.accounts import Auditor
from tests.stories.payments.till import Till, state_shown

pytestmark = pytest.mark.browser
KILOBYTES_MAX = 30
VISA, MASTERCARD, AMEX = "4242424242424242", "5555555555554444", "378282246310005"
CHALLENGED, BROKE, SILENT = "4000000000003220", "4000000000009995", "4000000000000119"
on_a_phone = pytest.mark.parametrize("payer", [PHONE], indirect=True, ids=["phone"])


async def fill_in(page: Page, number: str, *, code: str = "917", expiry: str = "1239") -> None:
    """Type a card as one does, key by key."""
    typed = {"Card number": number, "Valid until": expiry, "Security code": code}
    for label, text in (typed | {"Name on the card": "Asha Rao"}).items():
        await page.get_by_label(label).fill("")
        await page.get_by_label(label).press_sequentially(text)


async def press_pay(page: Page) -> None:
    await page.get_by_role("button", name="Pay ").first.click()


async def pay(page: Page, number: str, **typed: Any) -> None:
    await fill_in(page, number, **typed)
    await press_pay(page)


def send_form(url: str, number: str = VISA, *, method: str = "card", after: str = "0") -> Answer:
    """What the form on the page at `url` would send, without the page."""
    form = {"number": number, "expiry": "12/39", "code": "917", "holder": "A", "after": after}
    address = f"{url.replace('/create/', '/pay/')}&method={method}"
    return call("POST", address, urlencode(form).encode())


async def confirm(page: Page, code: str = "123456") -> None:
    """What the payer does at his bank."""
    await page.wait_for_url("**/sandbox/issuer/**")
    await page.get_by_label("One-time code").fill(code)
    await page.get_by_role("button", name="Confirm").click()


async def test_a_card_pays_and_the_payer_is_led_back_to_the_shop(
    payer: Payer, till: Till, auditor: Auditor
) -> None:
    with open_shopfront() as front:
        url, invoice = new_page(till, success_url=front.url("thanks"))
        page = await payer.open(url)
        await page.get_by_role("link", name="Card").click()
        await pay(page, VISA)

        await shows(page, "paid")
        await expect(page.get_by_text("Visa •••• 4242")).to_be_visible()
        await page.wait_for_url(front.url("thanks"))
    assert await auditor.states(invoice) == ["captured"]
    assert till.merchant.status(invoice) == "invoice:awaiting_approval"


@on_a_phone
@pytest.mark.parametrize("number", [MASTERCARD, AMEX, "4000000000000259"])
async def test_other_cards_pay_too(payer: Payer, till: Till, auditor: Auditor, number: str) -> None:
    url, invoice = new_page(till, devise="GBP")
    page = await payer.open(url)
    await pay(page, number, code="1234" if number == AMEX else "917")
    await shows(page, "paid")
    assert await auditor.states(invoice) == ["captured"]


async def test_choosing_and_filling_in_a_card_weighs_little(payer: Payer, till: Till) -> None:
    url, _ = new_page(till)
    page = await payer.open(url)
    await page.get_by_role("link", name="Card").click()
    await page.wait_for_load_state("load")
    assert 0 < await payer.weight() <= KILOBYTES_MAX * 1024


async def test_typing_is_helped_and_mistakes_are_told_where_they_are(
    payer: Payer, till: Till
) -> None:
    url, _ = new_page(till, devise="EUR")
    page = await payer.open(url)
    await fill_in(page, AMEX, expiry="1/39", code="1234")
    await expect(page.get_by_label("Card number")).to_have_value("3782 822463 10005")
    await expect(page.locator("[data-brand]")).to_have_text("American Express")
    await expect(page.get_by_label("Valid until")).to_have_value("01 / 39")

    await fill_in(page, "4242424242424243", expiry="1020", code="1")
    await press_pay(page)
    for wrong in ("not a card number", "This date has passed", "The code has 3 digits"):
        await expect(page.get_by_text(wrong)).to_be_visible()
    await expect(page.get_by_label("Card number")).to_be_focused()
    await fill_in(page, VISA)
    await expect(page.locator("p.wrong:visible")).to_have_count(0)
    await press_pay(page)
    await shows(page, "paid")


@on_a_phone
async def test_the_bank_asks_him_and_he_is_paid_when_he_comes_back(
    payer: Payer, till: Till, auditor: Auditor
) -> None:
    url, invoice = new_page(till, devise="EUR")
    page = await payer.open(url)
    await pay(page, CHALLENGED)
    await confirm(page)

    await shows(page, "paid")
    assert await auditor.states(invoice) == ["captured"]


async def test_a_challenge_left_open_is_taken_up_again_and_paid_once(
    payer: Payer, till: Till, auditor: Auditor
) -> None:
    url, invoice = new_page(till, devise="EUR")
    page = await payer.open(url)
    await pay(page, CHALLENGED)
    await page.wait_for_url("**/sandbox/issuer/**")
    await page.close()

    back = await payer.open(url)
    await shows(back, "challenge")
    await back.get_by_role("link", name="Continue at your bank").click()
    await confirm(back)

    await shows(back, "paid")
    assert await auditor.states(invoice) == ["captured"]


@on_a_phone
async def test_a_wrong_code_is_told_and_another_card_pays(
    payer: Payer, till: Till, auditor: Auditor
) -> None:
    url, invoice = new_page(till, devise="EUR")
    page = await payer.open(url)
    await pay(page, CHALLENGED)
    await confirm(page, "000000")

    await shows(page, "card")
    await expect(page.get_by_text("Your bank could not confirm that it was you.")).to_be_visible()
    await pay(page, VISA)
    await shows(page, "paid")
    assert await auditor.states(invoice) == ["declined", "captured"]


@on_a_phone
async def test_who_cannot_prove_himself_takes_another_card_instead(
    payer: Payer, till: Till, auditor: Auditor
) -> None:
    url, invoice = new_page(till, devise="EUR")
    page = await payer.open(url)
    await pay(page, CHALLENGED)
    await page.wait_for_url("**/sandbox/issuer/**")
    await page.goto(url)

    await page.get_by_role("link", name="Use another card").click()
    await shows(page, "card")
    await pay(page, MASTERCARD)
    await shows(page, "paid")
    assert await auditor.states(invoice) == ["waiting", "captured"]


async def test_every_refusal_says_why_and_leaves_the_other_ways_open(
    payer_without_scripts: Payer, till: Till, auditor: Auditor
) -> None:
    refusals = {
        "4000000000000002": "Your bank refused, and tells only you why.",
        BROKE: "There was not enough money on the card.",
        "4000000000000069": "The card has expired, or the date was not right.",
        "4000000000000127": "The security code was not right.",
        "4000000000009979": "The card was refused. Please use another card.",
    }
    url, invoice = new_page(till)
    page = await payer_without_scripts.open(url)
    await page.get_by_role("link", name="Card").click()
    for number, words in refusals.items():
        await pay(page, number)
        await expect(page.get_by_text(words)).to_be_visible()
        await expect(page.get_by_text(f"•••• {number[-4:]}")).to_be_visible()
        await expect(page.get_by_label("Card number")).to_have_value("")
    assert await auditor.states(invoice) == ["declined"] * len(refusals)
    assert till.merchant.status(invoice) == "invoice:opened"

    await page.get_by_role("button", name="UPI").click()
    await shows(page, "waiting")
    await page.get_by_role("link", name="Card").click()
    await pay(page, VISA)
    await shows(page, "paid")


async def test_everything_works_without_scripts(
    payer_without_scripts: Payer, till: Till, auditor: Auditor
) -> None:
    payer = payer_without_scripts
    url, invoice = new_page(till, devise="EUR")
    page = await payer.open(url)

    await pay(page, "4242424242424243", expiry="10/20")
    for wrong in ("not a card number", "This date has passed"):
        await expect(page.get_by_text(wrong)).to_be_visible()
    await expect(page.get_by_label("Name on the card")).to_have_value("Asha Rao")
    for secret in ("Card number", "Security code"):
        await expect(page.get_by_label(secret)).to_have_value("")
    payer.complaints.clear()  # the browser's note that the form was refused with 422

    await pay(page, CHALLENGED, expiry="12/39")
    await confirm(page)
    await shows(page, "paid")
    assert await auditor.states(invoice) == ["captured"]


async def test_double_click_reload_and_a_second_tab_charge_once(
    payer: Payer, till: Till, auditor: Auditor
) -> None:
    url, invoice = new_page(till, devise="EUR")
    page, second = await payer.open(url), await payer.open(url)
    await fill_in(page, VISA)
    await fill_in(second, MASTERCARD)
    await page.get_by_role("button", name="Pay ").dblclick()
    await shows(page, "paid")

    await shows(second, "paid")  # by the live news, before he can press
    await page.reload()
    await asyncio.gather(*(asyncio.to_thread(send_form, url) for _ in range(8)))
    assert await auditor.states(invoice) == ["captured"]


@on_a_phone
async def test_the_back_button_brings_neither_number_nor_code_back(
    payer: Payer, till: Till
) -> None:
    url, _ = new_page(till, devise="EUR")
    page = await payer.open(url)
    await pay(page, BROKE)
    await expect(page.locator(".note.bad")).to_be_visible()

    await page.go_back()

    fields = "[...document.querySelectorAll('[name=number], [name=code]')]"
    assert await page.evaluate(f"{fields}.map((field) => field.value)") == ["", ""]


async def test_eight_forms_at_one_moment_charge_once(till: Till, auditor: Auditor) -> None:
    url, invoice = new_page(till, devise="EUR")

    answers = await asyncio.gather(*(asyncio.to_thread(send_form, url) for _ in range(8)))

    assert {answer.status for answer in answers} == {303}
    assert not [one for one in answers if VISA in one.headers["location"]]
    assert await auditor.states(invoice) == ["captured"]


@on_a_phone
async def test_silence_is_no_refusal_and_no_second_card_is_asked_for(
    payer: Payer, till: Till, auditor: Auditor
) -> None:
    url, invoice = new_page(till, devise="EUR")
    page = await payer.open(url)
    await pay(page, SILENT)

    await shows(page, "unknown")
    await expect(page.get_by_text("Please do not pay again")).to_be_visible()
    assert await page.locator("form").count() == 0
    assert await auditor.states(invoice) == ["unknown"]
    # The same news as of a payer back from his bank: the provider is asked, and knows.
    token = url.partition("?")[2]
    assert call("GET", f"{till.gateway.url}/widget/sale/return/?{token}").status == 303
    await shows(page, "paid")
    assert await auditor.states(invoice) == ["captured"]


@on_a_phone
async def test_money_reserved_by_hand_is_told_as_such(
    payer: Payer, till: Till, auditor: Auditor
) -> None:
    merchant = till.gateway.merchant(name="Tailor")
    till.gateway.command("merchant", "set", str(merchant.id), "--card-capture", "manual")
    url = merchant.new_page(amount=5, devise="EUR")
    page = await payer.open(url)
    await pay(page, VISA)

    await shows(page, "reserved")
    assert await auditor.states(merchant.newest_invoice()) == ["authorised"]


@pytest.mark.parametrize(
    ("invoice_for", "method"),
    [({"payment_solution_type": "UPI"}, "card"), ({"devise": "EUR"}, "upi")],
)
async def test_a_method_that_is_not_offered_cannot_be_paid_with(
    till: Till, auditor: Auditor, invoice_for: dict[str, Any], method: str
) -> None:
    url, invoice = new_page(till, **invoice_for)
    assert send_form(url, method=method).status == 303
    assert await auditor.states(invoice) == []


async def test_a_tab_left_open_starts_nothing_while_a_card_is_in_doubt(
    till: Till, auditor: Auditor
) -> None:
    url, invoice = new_page(till)
    for number, method in ((SILENT, "card"), (VISA, "card"), ("", "upi")):
        assert send_form(url, number, method=method, after="999999").status == 303
    assert state_shown(call("GET", url).text) == "unknown"
    assert await auditor.states(invoice) == ["unknown"]


def test_who_tries_card_after_card_is_paused(own_gateway: Gateway) -> None:
    """In a gateway of its own: what is counted is the address, and all these stories share one."""
    url = own_gateway.merchant().new_page(amount=5, devise="EUR")
    for _ in range(10):
        assert send_form(url, BROKE, after="999999").status == 303

    paused = send_form(url, after="999999")

    assert paused.status == 429
    assert "Too many cards were refused for this order." in paused.text
    assert "<input id=" not in paused.text


def test_a_broken_return_shows_a_page_and_believes_nothing(till: Till) -> None:
    url, invoice = new_page(till, devise="EUR")
    token = url.partition("?")[2]
    for query, status in ((f"{token}&status=succeeded&paid=1", 303), ("token=nobody", 404)):
        for method in ("GET", "POST"):
            there = f"{till.gateway.url}/widget/sale/return/?{query}"
            body = b"status=paid" if method == "POST" else None
            assert call(method, there, body).status == status
    assert till.merchant.status(invoice) in ("invoice:created", "invoice:opened")
