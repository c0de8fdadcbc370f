"""The card form and what comes after it, as rendered."""

from dataclasses import replace

import pytest

from nonstopay.connectors.outcome import Reason
from nonstopay.web.checkout.assets import asset, assets
from nonstopay.web.checkout.card_page import CardReason, CardState, Problem
from nonstopay.web.checkout.card_view import REASONS
from nonstopay.web.checkout.page import Brand
from nonstopay.web.checkout.render import render_card
from nonstopay.web.checkout.text import languages
from tests.unit.web.card_pages import BANK, CARD, FIELDS, every_card_page
from tests.unit.web.checkout_pages import Reading

KEYBOARDS = {
    "number": ("numeric", "cc-number"),
    "expiry": ("numeric", "cc-exp"),
    "code": ("numeric", "cc-csc"),
    "holder": ("text", "cc-name"),
}


def inputs(page: Reading) -> dict[str, dict[str, str]]:
    return {one["name"]: one for one in page.all("input")}


@pytest.mark.parametrize("language", languages())
def test_every_card_page_is_whole_and_brings_no_code_of_its_own(language: str) -> None:
    scripts = [asset(name).path for name in ("checkout.js", "card.js")]
    for name, html in every_card_page(language).items():
        page = Reading(html)
        assert page.open == [], name
        assert page.all("html")[0]["lang"] == language, name
        assert len(page.all("main")) == len(page.all("h1")) == len(page.all("title")) == 1, name
        assert [script["src"] for script in page.all("script")] == scripts, name
        for tag in page.tags:
            assert "style" not in tag.attributes, (name, tag)
            assert not [key for key in tag.attributes if key.startswith("on")], (name, tag)
        assert all(form["method"] == "post" for form in page.all("form")), name
        assert "{" not in page.text, name


def test_choosing_and_filling_in_a_card_weigh_at_most_30_kilobytes() -> None:
    files = sum(len(each.packed) for each in assets().values())
    heaviest = max(
        len(html.encode()) for tag in languages() for html in every_card_page(tag).values()
    )
    assert files + 2 * heaviest <= 30 * 1024


def test_each_field_brings_the_right_keyboard_and_says_what_it_is_filled_from() -> None:
    page = Reading(render_card(CARD))
    fields = inputs(page)
    assert {name: (fields[name]["inputmode"], fields[name]["autocomplete"]) for name in FIELDS} == (
        KEYBOARDS
    )
    assert {label["for"] for label in page.all("label")} == set(FIELDS)
    assert fields["after"]["value"] == "16"
    assert page.all("form")[0]["action"] == CARD.form_url + "&lang=en"


def test_what_is_wrong_stands_at_its_field_and_is_read_out_with_it() -> None:
    page = Reading(render_card(replace(CARD, problems=dict.fromkeys(FIELDS, Problem.MISSING))))
    for name, one in inputs(page).items():
        if name in FIELDS:
            assert one["aria-invalid"] == "true"
            assert f"{name}-wrong" in one["aria-describedby"].split()
            assert one["data-missing"] in page.text
    assert "aria-invalid" not in Reading(render_card(CARD)).html


def test_number_and_code_have_no_way_back_into_the_page() -> None:
    typed = replace(CARD, expiry="12 / 39", holder="Asha Rao", problems={"code": Problem.INVALID})
    fields = inputs(Reading(render_card(typed)))
    assert (fields["expiry"]["value"], fields["holder"]["value"]) == ("12 / 39", "Asha Rao")
    assert "value" not in fields["number"]
    assert "value" not in fields["code"]


def test_a_lost_card_is_told_from_no_other_refusal() -> None:
    """Who holds a stolen card must not learn that it is known to be stolen."""
    assert set(REASONS) == set(Reason)
    secret = {Reason.LOST_OR_STOLEN, Reason.SUSPECTED_FRAUD, Reason.DO_NOT_TRY_AGAIN}
    assert {REASONS[reason] for reason in secret} == {CardReason.REFUSED}
    text = Reading(render_card(replace(CARD, reason=CardReason.REFUSED))).text
    assert "Please use another card." in text
    assert not {"lost", "stolen", "fraud"} & set(text.lower().replace(".", "").split())


def test_a_refusal_says_which_card_and_that_nothing_was_charged() -> None:
    text = Reading(render_card(replace(CARD, reason=CardReason.INSUFFICIENT_FUNDS))).text
    assert "There was not enough money on the card. Visa •••• 4242 was refused." in text
    assert "You have not been charged." in text


@pytest.mark.parametrize(
    "state", [state for state in CardState if state not in (CardState.FORM, CardState.CHALLENGE)]
)
def test_money_in_doubt_offers_no_second_payment(state: CardState) -> None:
    page = Reading(render_card(replace(CARD, state=state, methods=(), cancel_url=None)))
    assert page.all("form") == []


def test_a_payer_is_sent_to_his_bank_once_and_finds_the_way_again() -> None:
    waiting = replace(CARD, state=CardState.CHALLENGE)
    sent, back = (
        Reading(render_card(one)) for one in (replace(waiting, goes_to_bank=True), waiting)
    )
    refresh = [meta["content"] for meta in sent.all("meta") if "http-equiv" in meta]
    assert refresh == [f"0;url={BANK}"]
    assert [meta["content"] for meta in back.all("meta") if "http-equiv" in meta] == ["10"]
    for page in (sent, back):
        assert BANK in [link.get("href") for link in page.all("a")]


def test_a_banks_page_that_may_not_be_linked_is_not() -> None:
    bad = replace(
        CARD, state=CardState.CHALLENGE, goes_to_bank=True, bank_url="javascript:alert(1)"
    )
    assert "javascript" not in render_card(bad)


def test_a_pause_has_an_end_and_other_ways() -> None:
    pages = every_card_page()
    paused, closed = Reading(pages["card paused"]), Reading(pages["card closed"])
    assert "after 15:04 UTC" in paused.text
    assert "ask Lotus Books for a new payment link" in closed.text
    for page in (paused, closed):
        assert "number" not in inputs(page)
        assert [form["action"] for form in page.all("form") if "method=upi" in form["action"]]


@pytest.mark.parametrize("nasty", ['"><img src=x onerror=alert(1)>', "</title><script>", "{{7*7}}"])
def test_strangers_words_stay_words(nasty: str) -> None:
    harmless = Reading(render_card(replace(CARD, holder="Asha Rao")))
    attacked = Reading(render_card(replace(CARD, holder=nasty, brand=Brand(merchant=nasty))))
    assert [tag.name for tag in attacked.tags] == [tag.name for tag in harmless.tags]
    assert inputs(attacked)["holder"]["value"] == nasty
