"""Choosing a coin, the wait for a transfer, and what is left over, as rendered."""

from base64 import b64decode
from dataclasses import replace
from decimal import Decimal
from io import BytesIO

import pytest
import zxingcpp
from PIL import Image

from nonstopay.errors import LawBroken
from nonstopay.money import Money
from nonstopay.web.checkout.assets import asset
from nonstopay.web.checkout.crypto_page import CryptoState, Late, Over, Policy, Under
from nonstopay.web.checkout.crypto_render import render_coins, render_crypto
from nonstopay.web.checkout.page import Brand
from nonstopay.web.checkout.remains import Fate, RefundProblem, Remains, Stray
from nonstopay.web.checkout.render import render_choose, render_done
from nonstopay.web.checkout.text import languages
from tests.unit.web.checkout_pages import CHOOSE, Reading
from tests.unit.web.crypto_pages import (
    ADDRESS,
    CHOICES,
    COINS,
    CRYPTO,
    ETHER,
    LINK,
    PAID,
    REFUND,
    SEEN,
    SHORT,
    STRAYS,
    choice,
    every_crypto_page,
    usdt,
)

ALL_OF = ("checkout.css", "checkout.js", "icon.svg", "crypto.css", "coins.js")


def scanned(page: Reading) -> list[str]:
    """What each QR code on the page holds."""
    codes = [image["src"] for image in page.all("img") if image.get("class") == "qr"]
    found = []
    for address in codes:
        picture = Image.open(BytesIO(b64decode(address.partition(",")[2])))
        code = zxingcpp.read_barcode(picture.convert("L"))
        found.append(code.text if code else "")
    return found


def copied(page: Reading) -> dict[str, str]:
    """What each copy button puts on the clipboard."""
    values = {data["id"]: data["value"] for data in page.all("data")}
    return {
        at: values[at]
        for at in [one["data-copy"] for one in page.all("button") if "data-copy" in one]
    }


@pytest.mark.parametrize("language", languages())
def test_every_crypto_page_is_whole_and_brings_no_code_of_its_own(language: str) -> None:
    ours = {asset(name).path for name in ("checkout.js", "coins.js")}
    for name, html in every_crypto_page(language).items():
        page = Reading(html)
        assert page.open == [], name
        assert page.all("html")[0]["lang"] == language, name
        assert len(page.all("main")) == len(page.all("h1")) == len(page.all("title")) == 1, name
        assert {script["src"] for script in page.all("script")} <= ours, name
        ids = [tag.attributes["id"] for tag in page.tags if "id" in tag.attributes]
        assert len(ids) == len(set(ids)), name
        for tag in page.tags:
            assert "style" not in tag.attributes, (name, tag)
            assert not [key for key in tag.attributes if key.startswith("on")], (name, tag)
        assert all(form["method"] == "post" for form in page.all("form")), name
        assert "{" not in page.text, name


def test_choosing_a_method_and_a_coin_and_paying_weigh_at_most_30_kilobytes() -> None:
    files = sum(len(asset(name).packed) for name in ALL_OF)
    for language in languages():
        pages = every_crypto_page(language)
        coins = len(pages["coins"].encode())
        heaviest = max(
            len(html.encode()) for name, html in pages.items() if not name.startswith("coins")
        )
        visit = replace(CHOOSE.visit, language=language)
        choosing = len(render_choose(replace(CHOOSE, visit=visit)).encode())
        assert files + choosing + coins + heaviest <= 30 * 1024, language


def test_the_coins_are_buttons_of_one_form_by_ticker() -> None:
    page = Reading(render_coins(CHOICES))
    buttons = [one for one in page.all("button") if one.get("name") == "coin"]
    assert [button["value"] for button in buttons] == list(COINS)
    assert page.all("form")[0]["action"] == CHOICES.form_url + "&lang=en"
    assert len(page.all("fieldset")) == len({name.partition("_")[0] for name in COINS})
    assert "USDT Tether, worth one US dollar" in page.text
    assert "EthereumFee: often dollarsUsually 2 min" in page.text


def test_the_search_is_hidden_until_there_is_a_script_and_left_out_of_a_short_list() -> None:
    page = Reading(render_coins(CHOICES))
    assert "hidden" in next(one for one in page.all("div") if "data-find" in one)
    few = Reading(render_coins(replace(CHOICES, choices=[choice("USDT_polygon")])))
    assert not [one for one in few.all("div") if "data-find" in one]
    assert asset("coins.js").path not in few.html


def test_the_coin_that_was_chosen_is_marked_and_can_be_kept() -> None:
    chosen = replace(choice("USDC_base"), is_chosen=True)
    page = Reading(render_coins(replace(CHOICES, choices=[chosen], back_url="/back/?token=abc")))
    assert [one["value"] for one in page.all("button") if "aria-current" in one] == ["USDC_base"]
    assert "/back/?token=abc&lang=en" in [link.get("href") for link in page.all("a")]
    assert "If you have sent something already" in page.text


def test_the_amount_is_exact_and_the_address_whole() -> None:
    page = Reading(render_crypto(CRYPTO))
    assert copied(page) == {"amount": "15.040001", "address": ADDRESS}
    assert ADDRESS in page.text.replace(" ", "")
    assert "Send 15.040001 USDT on Polygon" in page.text


def test_eighteen_decimals_are_not_rounded_in_any_language() -> None:
    ether = Money(5_312_849_182_736_455, ETHER)
    for language in languages():
        page = replace(CRYPTO, asked=ether, received=ether, coming=ether, missing=ether)
        html = render_crypto(replace(page, visit=replace(CRYPTO.visit, language=language)))
        assert copied(Reading(html))["amount"] == "0.005312849182736455"
        assert "0.005312849182736455\N{NO-BREAK SPACE}ETH" in html


def test_one_code_holds_the_amount_and_one_the_address_alone() -> None:
    assert scanned(Reading(render_crypto(CRYPTO))) == [LINK, ADDRESS]
    plain = Reading(render_crypto(replace(CRYPTO, uri=None)))
    assert scanned(plain) == [ADDRESS]
    assert not [one for one in plain.all("input") if one.get("type") == "radio"]
    assert "Open my wallet" not in plain.text


def test_too_little_asks_for_the_rest_with_a_code_of_its_own() -> None:
    page = Reading(render_crypto(SHORT))
    assert "5.040001 USDT still missing" in page.text
    assert "10 USDT of 15.040001 USDT has come" in page.text
    assert copied(page)["amount"] == "5.040001"
    assert scanned(page)[0].endswith("uint256=5040001")


@pytest.mark.parametrize(
    ("done", "needed", "past"), [(0, 3, 0), (1, 3, 1), (3, 3, 3), (9, 3, 3), (12, 12, 12)]
)
def test_confirmations_are_drawn_one_by_one_and_told(done: int, needed: int, past: int) -> None:
    page = Reading(render_crypto(replace(SEEN, confirmations=done, needed=needed)))
    steps = [one.get("class") for one in page.all("li")][3:]
    assert len(steps) == needed
    assert steps.count("past") == past
    assert f"{past} of {needed} confirmations" in page.text


def test_many_confirmations_are_a_bar() -> None:
    page = Reading(render_crypto(replace(SEEN, confirmations=120, needed=300)))
    assert page.all("progress")[0] | {"aria-hidden": ""} == {
        "max": "300",
        "value": "120",
        "aria-hidden": "",
    }


def test_money_that_is_on_its_way_leaves_nothing_to_press_twice() -> None:
    for state in (CryptoState.SEEN, CryptoState.CHECKING):
        page = Reading(render_crypto(replace(SEEN, state=state)))
        assert page.all("form") == []
        assert scanned(page) == []
        assert not [one for one in page.all("a") if one.get("href", "").startswith("ethereum:")]


def test_a_rate_that_ran_out_says_what_becomes_of_money_that_was_sent() -> None:
    for late, words in ((Late.CREDIT, "Lotus Books receives it"), (Late.REFUND, "have it back")):
        expired = replace(CRYPTO, state=CryptoState.EXPIRED, policy=Policy(late=late))
        page = Reading(render_crypto(expired))
        assert words in page.text
        assert f"{CRYPTO.new_url}&lang=en" in [form["action"] for form in page.all("form")]
        assert scanned(page) == []


def test_each_rule_of_the_merchant_has_its_words() -> None:
    kept = Policy(under=Under.CREDIT, over=Over.CREDIT, late=Late.CREDIT)
    back = Reading(render_crypto(replace(CRYPTO, policy=Policy()))).text
    credited = Reading(render_crypto(replace(CRYPTO, policy=kept))).text
    assert "you can have back what came" in back
    assert "you can have the rest back" in back
    assert "keeps what came as part of the price" in credited
    assert "receives all of it" in credited
    assert "It still counts for your order" in credited


def test_a_price_per_coin_is_written_the_way_people_read_it() -> None:
    stable = Reading(render_crypto(CRYPTO)).text
    ether = Reading(render_crypto(replace(CRYPTO, rate=CRYPTO.rate / 2500))).text
    assert "1 USD = 1.0002 USDT, Coinbase, Kraken, 14:23 UTC" in stable
    assert "1 USDT = 2,499.5001 USD" in ether
    at_par = Reading(render_crypto(replace(CRYPTO, rate=Decimal(1), rate_source="par"))).text
    assert "1 USDT counts as 1 USD." in at_par
    assert "Please send it by 14:36 UTC" in at_par
    assert "This rate holds" not in at_par


def test_strays_say_what_becomes_of_them() -> None:
    said = {
        Fate.CREDITED: "It counts for your order.",
        Fate.WAITING: "It is being looked at.",
        Fate.REFUNDABLE: "Ask Lotus Books to have it sent back.",
        Fate.IGNORED: "It is too little",
    }
    for fate, words in said.items():
        stray = replace(STRAYS[0], fate=fate)
        text = Reading(render_crypto(replace(CRYPTO, remains=Remains(strays=(stray,))))).text
        assert f"We also found 5 USDC on BNB Smart Chain. {words}" in text
    fake = Stray(amount=None, network="Polygon", fate=Fate.IGNORED)
    text = Reading(render_crypto(replace(CRYPTO, remains=Remains(strays=(fake,))))).text
    assert "A token that we do not know came on Polygon" in text


def test_too_much_is_told_and_given_back_to_an_address_of_the_payers() -> None:
    page = Reading(render_done(PAID))
    assert "Get 2.5 USDT back" in page.text
    assert [form["action"] for form in page.all("form")] == [f"{REFUND.form_url}&lang=en"]
    assert [one["name"] for one in page.all("input")] == ["address"]
    assert not [one for one in page.all("a") if "data-forward" in one], (
        "who has a form is not led away"
    )

    kept = Reading(render_done(replace(PAID, remains=Remains(over=usdt("2.5")))))
    assert "You sent 2.5 USDT more than was asked" in kept.text
    assert kept.all("form") == []


@pytest.mark.parametrize("problem", RefundProblem)
def test_what_is_wrong_with_an_address_stands_at_the_field(problem: RefundProblem) -> None:
    wrong = replace(REFUND, problem=problem, address="0xnot")
    page = Reading(render_done(replace(PAID, remains=Remains(refund=wrong))))
    field = page.all("input")[0]
    assert (field["aria-invalid"], field["value"]) == ("true", "0xnot")
    assert "refund-wrong" in field["aria-describedby"].split()
    said = {
        "missing": "Please enter",
        "invalid": "not an address on Polygon",
        "too_late": "nothing left",
    }
    assert said[problem] in page.text


def test_an_address_that_was_named_is_shown_and_not_asked_for_again() -> None:
    named = replace(REFUND, amount=None, form_url=None, address=ADDRESS)
    page = Reading(render_done(replace(PAID, remains=Remains(refund=named))))
    assert f"Your money goes back to this address {ADDRESS}" in page.text
    assert page.all("form") == []


def test_a_page_with_a_form_does_not_load_itself_anew_under_the_payers_hands() -> None:
    def refreshes(page: Reading) -> bool:
        return any(meta.get("http-equiv") == "refresh" for meta in page.all("meta"))

    assert refreshes(Reading(render_crypto(CRYPTO)))
    late = replace(CRYPTO, state=CryptoState.EXPIRED, remains=Remains(refund=REFUND))
    assert not refreshes(Reading(render_crypto(late)))
    assert not refreshes(Reading(render_coins(CHOICES)))


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "ethereum:0x1 onclick=x", "http://x.example"]
)
def test_a_link_that_no_wallet_understands_is_never_written(link: str) -> None:
    with pytest.raises(LawBroken):
        render_crypto(replace(CRYPTO, uri=link))


@pytest.mark.parametrize("nasty", ['"><img src=x onerror=alert(1)>', "</title><script>", "{{7*7}}"])
def test_strangers_words_stay_words(nasty: str) -> None:
    refund = replace(REFUND, problem=RefundProblem.INVALID, address=nasty)
    attacks = [
        (render_done(PAID), render_done(replace(PAID, brand=Brand(merchant=nasty)))),
        (render_crypto(CRYPTO), render_crypto(replace(CRYPTO, brand=Brand(merchant=nasty)))),
        (
            render_done(replace(PAID, remains=Remains(refund=replace(refund, address="x")))),
            render_done(replace(PAID, remains=Remains(refund=refund))),
        ),
    ]
    for harmless, attacked in attacks:
        names = [tag.name for tag in Reading(harmless).tags]
        assert [tag.name for tag in Reading(attacked).tags] == names
