"""The payment page as rendered: what it says in each state, and what it never does."""

import re
from base64 import b64decode
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
import zxingcpp
from PIL import Image

from nonstopay.errors import LawBroken
from nonstopay.money import Money, coin, fiat
from nonstopay.web.checkout.assets import asset, assets
from nonstopay.web.checkout.links import Platform
from nonstopay.web.checkout.page import (
    Brand,
    DeclineReason,
    DoneState,
    Landing,
    LandingPage,
    Method,
    MethodKind,
    Trouble,
    UpiState,
)
from nonstopay.web.checkout.render import render_choose, render_done, render_landing, render_upi
from nonstopay.web.checkout.text import languages
from nonstopay.web.checkout.wording import Wording
from tests.unit.web.checkout_pages import (
    BRAND,
    CHOOSE,
    DONE,
    INVOICE,
    LINK,
    METHODS,
    NOW,
    UPI,
    VISIT,
    Reading,
    every_page,
)

NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus='alert(1)",
    "</title><svg onload=alert(1)>",
    "{{ 7*7 }}{% raw %}{0.__class__}{amount}",
    "javascript:alert(1)//",
    "<!--<bdi></bdi></main>",
    "&lt;b&gt;&#x3c;script&#x3e;",
    "Lotus\x00\x08\x1b[31m Books",
)


@pytest.mark.parametrize("language", languages())
def test_every_page_is_whole_and_brings_no_code_of_its_own(language: str) -> None:
    for name, html in every_page(language).items():
        page = Reading(html)
        assert page.open == [], name
        assert page.all("html")[0]["lang"] == language, name
        assert len(page.all("main")) == len(page.all("h1")) == len(page.all("title")) == 1, name
        assert not page.all("style"), name
        assert [script["src"] for script in page.all("script")] == [asset("checkout.js").path]
        for tag in page.tags:
            assert "style" not in tag.attributes, (name, tag)
            assert not [key for key in tag.attributes if key.startswith("on")], (name, tag)
        assert all(form["method"] == "post" for form in page.all("form")), name
        assert "{" not in page.text, name


def test_a_page_with_all_it_loads_weighs_at_most_20_kilobytes() -> None:
    files = sum(len(each.packed) for each in assets().values())
    assert len(asset("checkout.js").body) <= 4096
    for language in languages():
        for name, html in every_page(language).items():
            assert len(html.encode()) + files <= 20 * 1024, (name, language)


def test_a_method_in_trouble_says_so_and_can_still_be_chosen() -> None:
    for trouble, words in ((Trouble.DEGRADED, "fail than usual"), (Trouble.DOWN, "having trouble")):
        upi = replace(METHODS[0], trouble=trouble)
        page = Reading(render_choose(replace(CHOOSE, methods=[METHODS[1], upi])))
        assert page.text.count(words) == 1
        assert upi.url + "&lang=en" in [form["action"] for form in page.all("form")]


def test_a_choice_that_came_to_nothing_is_told_and_another_way_only_if_there_is_one() -> None:
    unanswered = replace(CHOOSE, unanswered=MethodKind.UPI)
    several = Reading(render_choose(unanswered))
    alone = Reading(render_choose(replace(unanswered, methods=METHODS[:1])))
    for page in (several, alone):
        assert "UPI did not answer just now. You have not been charged." in page.text
    assert "or pay another way" in several.text
    assert "another way" not in alone.text
    assert "did not answer" not in Reading(render_choose(CHOOSE)).text


def test_money_of_another_amount_says_what_came_and_leads_on() -> None:
    came = Money(41605, fiat("INR"))
    again = "/widget/sale/create/?token=abc&again=1"
    page = Reading(
        render_done(
            replace(DONE, state=DoneState.REFUNDED, payment=None, refunded=came, again_url=again)
        )
    )
    assert page.text.count("₹416.05") == 3, "on top, in the sentence, on the receipt"
    assert "417.05" not in page.text
    assert again + "&lang=en" in [link.get("href") for link in page.all("a")]
    assert "Pay again" in page.text
    assert "forward" not in page.html


@pytest.mark.parametrize("nasty", NASTY)
def test_strangers_words_stay_words(nasty: str) -> None:
    brand = Brand(merchant=nasty)
    invoice = replace(INVOICE, number=nasty, reference=nasty, description=nasty)
    labelled = Method(kind=MethodKind.CARD, url="/card/", label=nasty, hint=nasty)
    payment = replace(DONE.payment, reference=nasty) if DONE.payment else None
    plain = {
        "choose": (render_choose(CHOOSE), replace(CHOOSE, methods=(*METHODS[:2], labelled))),
        "upi": (render_upi(UPI), UPI),
        "done": (render_done(DONE), replace(DONE, payment=payment)),
    }
    renders = {"choose": render_choose, "upi": render_upi, "done": render_done}
    for name, (harmless, page) in plain.items():
        attacked = Reading(renders[name](replace(page, brand=brand, invoice=invoice)))  # type: ignore[operator,type-var]
        assert [tag.name for tag in attacked.tags if tag.name != "bdi"] == [
            tag.name for tag in Reading(harmless).tags if tag.name != "bdi"
        ]
        seen = re.sub(r"[\x00-\x1f]", "", nasty)
        assert " ".join(seen.split()) in attacked.text
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", attacked.html)


def test_a_name_cannot_turn_its_neighbours_round() -> None:
    html = render_choose(replace(CHOOSE, brand=Brand(merchant="Lotus \u202eskooB\u2066")))
    assert "Lotus skooB" in html
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", html)
    assert "<bdi>Lotus" in html


def test_an_address_that_may_not_be_linked_is_left_out() -> None:
    page = Reading(render_done(replace(DONE, return_url="javascript:alert(1)")))
    assert "javascript" not in page.html
    assert "Return to" not in page.text
    assert not [link for link in page.all("a") if "data-forward" in link]


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example", "pay", ""]
)
def test_a_form_never_posts_to_another_host(elsewhere: str) -> None:
    with pytest.raises(LawBroken):
        render_upi(replace(UPI, new_qr_url=elsewhere))


def test_the_choice_shows_the_invoice_and_a_button_for_each_method() -> None:
    page = Reading(render_choose(CHOOSE))
    for words in ("Lotus Books", "$5.00", "LB-1093", "185", "13 Nov 2026, 14:24 UTC", "paperback"):
        assert words in page.text
    for kind in MethodKind:
        assert f"/widget/sale/pay/?method={kind}&lang=en" in [f["action"] for f in page.all("form")]
    empty = Reading(render_choose(replace(CHOOSE, methods=())))
    assert "No way to pay is open" in empty.text


def test_waiting_tells_amount_rate_and_time_in_plain_words() -> None:
    page = Reading(render_upi(UPI))
    assert "₹417.05" in page.text
    assert "= $5.00" in page.text
    said = "Rate: 1\xa0USD = 83.41\xa0INR, ECB, 30 Oct 2026. Locked until 14:32 UTC."
    assert " ".join(said.split()) in page.text
    assert "Code valid until 14:30 UTC" in page.text
    assert "Your app must show Lotus Books and ₹417.05" in page.text
    assert page.all("main")[0]["data-events"] == "/events/?token=abc"


def test_the_apps_are_opened_with_the_same_query_as_the_code() -> None:
    query = LINK.partition("?")[2]
    for platform, google in ((Platform.ANDROID, "tez"), (Platform.IOS, "gpay")):
        page = Reading(render_upi(replace(UPI, visit=replace(VISIT, platform=platform))))
        links = [link["href"] for link in page.all("a")]
        assert links[:4] == [
            f"upi://pay?{query}",
            f"{google}://upi/pay?{query}",
            f"phonepe://pay?{query}",
            f"paytmmp://pay?{query}",
        ]


def test_the_code_reads_back_as_the_link() -> None:
    page = Reading(render_upi(UPI))
    code = next(one for one in page.all("img") if one.get("class") == "qr")
    start, _, drawing = code["src"].partition(",")
    image = Image.open(BytesIO(b64decode(drawing)))
    assert start == "data:image/png;base64"
    assert (code["width"], code["height"]) == (str(image.width), str(image.height))
    found = zxingcpp.read_barcode(image.convert("L"))
    assert found is not None
    assert found.text == LINK
    assert "₹417.05 to Lotus Books" in code["alt"]


@pytest.mark.parametrize("state", [UpiState.PROCESSING, UpiState.UNKNOWN])
def test_nothing_to_pay_with_while_money_may_be_under_way(state: UpiState) -> None:
    page = Reading(render_upi(replace(UPI, state=state)))
    assert "upi://" not in page.html
    assert page.all("form") == []
    assert 'http-equiv="refresh"' in page.html
    assert "fail" not in page.text.lower()


def test_unknown_asks_not_to_pay_again() -> None:
    page = Reading(render_upi(replace(UPI, state=UpiState.UNKNOWN)))
    assert "Please do not pay again" in page.text
    assert "you will be told here" in page.text


@pytest.mark.parametrize("reason", DeclineReason)
def test_a_refused_try_is_not_the_end(reason: DeclineReason) -> None:
    page = Reading(render_upi(replace(UPI, state=UpiState.DECLINED, reason=reason)))
    assert str(languages()["en"].say(f"upi.reason.{reason}")) in page.text
    assert "You have not been charged" in page.text
    assert LINK in [link["href"] for link in page.all("a")]
    actions = [form["action"] for form in page.all("form")]
    assert "/new-qr/?token=abc&lang=en" in actions
    assert "/widget/sale/pay/?method=card&lang=en" in actions


@pytest.mark.parametrize("state", [UpiState.WAITING, UpiState.DECLINED])
def test_a_code_past_its_time_is_not_offered_but_a_new_one_is(state: UpiState) -> None:
    late = replace(VISIT, now=UPI.qr_expires_at)
    page = Reading(render_upi(replace(UPI, visit=late, state=state)))
    assert page.all("main")[0]["data-state"] == "expired"
    assert "upi://" not in page.html
    assert "Nothing went wrong" in page.text
    assert "/new-qr/?token=abc&lang=en" in [form["action"] for form in page.all("form")]


def test_the_fuse_shows_the_share_of_time_that_is_left() -> None:
    page = Reading(render_upi(UPI))
    assert [rect["stroke-dasharray"] for rect in page.all("rect")[1:]] == ["75 100"]


def test_an_invoice_in_its_last_hour_counts_down() -> None:
    soon = replace(INVOICE, valid_until=NOW + timedelta(minutes=59))
    assert 'data-left="2026-10-30T15:23:00+00:00"' in render_choose(replace(CHOOSE, invoice=soon))
    assert "data-left" not in render_choose(CHOOSE)


def test_the_receipt_names_what_was_paid_and_leads_back() -> None:
    page = Reading(render_done(DONE))
    for words in ("Paid", "Lotus Books", "185", "₹417.05", "$5.00", "630412345678", "14:24 UTC"):
        assert words in page.text
    (back,) = [link for link in page.all("a") if "data-forward" in link]
    assert (back["href"], back["data-forward"]) == (DONE.return_url, "3")


@pytest.mark.parametrize("state", [state for state in DoneState if state is not DoneState.PAID])
def test_only_who_has_paid_is_sent_on(state: DoneState) -> None:
    page = Reading(render_done(replace(DONE, state=state)))
    assert "data-forward" not in page.html
    assert "Return to Lotus Books" in page.text


def test_a_part_refund_names_the_part() -> None:
    part = Money(10000, fiat("INR"))
    page = Reading(render_done(replace(DONE, state=DoneState.REFUNDED, refunded=part)))
    assert "₹100.00 is on its way back to you" in page.text


def test_landing_pages_speak_with_and_without_an_invoice() -> None:
    bare = Reading(render_landing(LandingPage(visit=VISIT, outcome=Landing.FAILURE)))
    assert "did not go through" in bare.text
    known = LandingPage(visit=VISIT, outcome=Landing.SUCCESS, brand=BRAND, invoice=INVOICE)
    assert "$5.00" in Reading(render_landing(known)).text


def test_the_other_languages_are_one_link_away() -> None:
    page = Reading(render_choose(replace(CHOOSE, visit=replace(VISIT, language="hi"))))
    links = {link["hreflang"]: link for link in page.all("a") if "hreflang" in link}
    assert list(links) == ["en", "fr", "hi"]
    assert links["fr"]["href"] == "/widget/sale/create/?token=abc.def&lang=fr"
    assert links["hi"]["aria-current"] == "true"
    assert "आप भुगतान कैसे करना चाहेंगे?" in page.text


@pytest.mark.parametrize(
    ("money", "language", "text"),
    [
        (Money(41705, fiat("INR")), "en", "₹417.05"),
        (Money(12345678900, fiat("INR")), "en", "₹12,34,56,789.00"),
        (Money(12345678900, fiat("USD")), "en", "$123,456,789.00"),
        (Money(500, fiat("USD")), "fr", "5,00\xa0$US"),
        (Money(500, fiat("JPY")), "en", "¥500"),
        (Money(1234, fiat("KWD")), "en", "KWD\xa01.234"),
        (Money(150, fiat("ALL")), "en", "ALL\xa01.50"),
        (Money(15040000, coin("USDT", 6)), "en", "USDT\xa015.040000"),
        (Money(10**30 + 1, coin("ETH", 18)), "en", "ETH\xa01,000,000,000,000." + "0" * 17 + "1"),
    ],
)
def test_an_amount_keeps_every_decimal_the_ledger_counts_in(
    money: Money, language: str, text: str
) -> None:
    assert Wording(language, "UTC").money(money) == text
