"""The pretend UPI app's screens."""

from urllib.parse import quote

import pytest

from nonstopay.errors import LawBroken
from nonstopay.web.sandbox.upi_app import (
    UpiAppPage,
    UpiOutcome,
    UpiResultPage,
    asset,
    assets,
    render_upi_app,
    render_upi_result,
)
from tests.unit.web.checkout_pages import LINK, Reading


def test_a_link_becomes_a_payment_to_approve() -> None:
    page = Reading(render_upi_app(UpiAppPage(uri=LINK)))
    for words in ("no real money", "Paying Lotus Books", "lotus.books@nonstop", "₹417.05"):
        assert words in page.text
    assert [button["value"] for button in page.all("button")] == [each.value for each in UpiOutcome]
    (form,) = page.all("form")
    assert (form["method"], form["action"]) == ("post", "/sandbox/upi/app")
    assert page.all("input")[0]["value"] == LINK
    assert page.all("script") == []
    assert page.open == []


def test_without_a_link_it_asks_for_one() -> None:
    page = Reading(render_upi_app(UpiAppPage(uri="")))
    assert [form["method"] for form in page.all("form")] == ["get"]
    assert "cannot be paid" not in page.text


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("https://shop.example", "does not begin with upi://pay?"),
        (LINK.replace("am=417.05", "am=417.5"), "am must be rupees with two decimals"),
        (LINK.replace("&tr=NSP185A1", ""), "tr is missing"),
        ("<script>alert(1)</script>", "does not begin with upi://pay?"),
    ],
)
def test_a_link_no_app_would_open_is_explained(uri: str, complaint: str) -> None:
    page = Reading(render_upi_app(UpiAppPage(uri=uri)))
    assert "This link cannot be paid" in page.text
    assert complaint in page.text
    assert page.all("script") == []


@pytest.mark.parametrize("outcome", UpiOutcome)
def test_each_outcome_says_what_the_payer_and_what_the_gateway_hears(outcome: UpiOutcome) -> None:
    again = f"/sandbox/upi/app?uri={quote(LINK, safe='')}"
    page = Reading(render_upi_result(UpiResultPage(uri=LINK, outcome=outcome, app_url=again)))
    assert "₹417.05 to Lotus Books" in page.text
    assert "The gateway hears" in page.text
    assert page.all("a")[0]["href"] == again


def test_the_banks_own_words_are_shown_and_stay_words() -> None:
    refused = Reading(render_upi_app(UpiAppPage(uri=LINK, problem="<b>paid already</b>")))
    assert "<b>paid already</b>" in refused.text
    late = UpiResultPage(
        uri=LINK, outcome=UpiOutcome.LATE_SUCCESS, app_url="/a", message="It will have paid & soon."
    )
    assert "It will have paid & soon." in Reading(render_upi_result(late)).text


def test_it_leads_nowhere_else() -> None:
    with pytest.raises(LawBroken):
        render_upi_app(UpiAppPage(uri=LINK, post_url="https://evil.example/"))


def test_its_stylesheet_is_served_by_its_hash() -> None:
    css = asset("upi_app.css")
    assert assets()[css.path] is css
    assert css.path in render_upi_app(UpiAppPage(uri=LINK))
