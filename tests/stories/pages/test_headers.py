"""What every page says to the browser, whatever went wrong; and the pages for when it did."""

import pytest

from nonstopay.web.checkout.headers import security_headers
from tests.stories.gateway import call
from tests.stories.pages.browser import Payer
from tests.stories.payments.till import Till

LANDINGS = {
    "success": "Payment successful",
    "pending": "Payment on its way",
    "cancel": "Payment cancelled",
    "failure": "The payment did not go through",
}


def page_paths(till: Till) -> dict[str, int]:
    """Every kind of page, with its status."""
    sale = till.hosted()
    paid = till.hosted()
    paid.pay()
    token = sale.page_url.partition("token=")[2]
    return {
        sale.page_url: 200,
        paid.page_url: 200,
        sale.page_url.replace("/create/?", "/create?"): 200,
        f"{till.gateway.url}/widget/sale/create/": 404,
        f"{till.gateway.url}/widget/sale/create/?token=": 404,
        f"{till.gateway.url}/widget/sale/create/?token={token[:-2]}": 404,
        f"{till.gateway.url}/widget/sale/create/?token={token[::-1]}": 404,
        f"{till.gateway.url}/widget/sale/create/?token=%00%F0%9F%92%A5": 404,
        f"{till.gateway.url}/widget/sale/events/?token=nobody": 404,
        **{f"{till.gateway.url}/service/pay/{landing}/": 200 for landing in LANDINGS},
    }


def test_every_page_carries_the_headers_that_protect_the_payer(till: Till) -> None:
    for url, status in page_paths(till).items():
        answer = call("GET", url)
        got = {name.lower(): value for name, value in answer.headers.items()}
        assert answer.status == status, url
        assert got["content-type"] == "text/html; charset=utf-8", url
        for name, value in security_headers().items():
            assert got[name.lower()] == value, f"{url}: {name}"
        assert "set-cookie" not in got
        assert "server" not in got


def test_the_buttons_answer_with_the_same_headers(till: Till) -> None:
    token = till.hosted().page_url.partition("token=")[2]
    for button in ("pay", "new-qr", "cancel"):
        for asked, status in ((token, 303), ("nobody", 404)):
            answer = call("POST", f"{till.gateway.url}/widget/sale/{button}/?token={asked}")
            assert answer.status == status
            assert answer.headers["content-security-policy"]
            assert answer.headers["cache-control"] == "no-store"


def test_an_unknown_link_says_what_to_do_and_not_why(till: Till) -> None:
    answer = call("GET", f"{till.gateway.url}/widget/sale/create/?token=nobody")

    assert answer.status == 404
    assert "This payment link does not work" in answer.text
    assert "nobody" not in answer.text.replace("token=nobody", "")


@pytest.mark.parametrize(("landing", "heading"), LANDINGS.items())
@pytest.mark.parametrize("slash", ["/", ""])
def test_payers_land_where_the_merchant_gave_no_address(
    till: Till, landing: str, heading: str, slash: str
) -> None:
    answer = call("GET", f"{till.gateway.url}/service/pay/{landing}{slash}")

    assert answer.status == 200
    assert f">{heading}</h1>" in answer.text


@pytest.mark.browser
async def test_the_page_for_an_unknown_link_looks_right_too(payer: Payer, till: Till) -> None:
    page = await payer.open(f"{till.gateway.url}/service/pay/success/")
    await page.goto(f"{till.gateway.url}/widget/sale/create/?token=nobody")

    assert await page.title() == "Payment page"
    # Chromium itself notes every answer of 404 in the console.
    assert len(payer.complaints) == 1
    payer.complaints.clear()
