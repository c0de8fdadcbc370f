"""The bank is down: payers are told in plain words, merchants too, and it comes back by itself."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.stories.gateway import Gateway, call
from tests.stories.payments.accounts import Auditor
from tests.stories.payments.till import Sale, Till, buttons_on, eventually, upi_link_on
from tests.stories.shop import open_shop

TROUBLE = "UPI is having trouble just now."
UNANSWERED = "UPI did not answer just now. You have not been charged."


@pytest.fixture(autouse=True)
def the_bank_gets_well(till: Till) -> Iterator[None]:
    yield
    fault(till, "none")


@pytest.fixture
def upi_till(gateway: Gateway) -> Iterator[Till]:
    """A merchant whose payers have no other way than UPI."""
    with open_shop() as shop:
        merchant = gateway.merchant("--callback-url", shop.url)
        gateway.command("merchant", "set", str(merchant.id), "--methods", "UPI")
        yield Till(gateway, merchant, shop)


def fault(till: Till, mode: str) -> None:
    till.gateway.sandbox("fault", target="upi", mode=mode, seconds=86_400)


def choose_upi(till: Till, page_url: str) -> str:
    """Press UPI; the page that the payer is led to."""
    button = next(one for one in buttons_on(call("GET", page_url).text) if "/pay/" in one)
    answer = call("POST", till.gateway.url + button)
    assert answer.status == 303
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return call("GET", till.gateway.url + headers["location"]).text


def health(till: Till) -> set[str]:
    """The metric of the state that UPI is in."""
    lines = call("GET", f"{till.gateway.url}/metrics").text.splitlines()
    return {line for line in lines if "nonstopay_method_health{" in line and line.endswith(" 1.0")}


def told(till: Till) -> list[str]:
    """What the merchant's feed says of methods."""
    answer = till.merchant.get("/api/events/", limit=100).json()
    kinds = [one["kind"] for one in answer["events"] if one["object"] == "method"]
    while answer["more"]:
        answer = till.merchant.get("/api/events/", limit=100, after=answer["next"]).json()
        kinds += [one["kind"] for one in answer["events"] if one["object"] == "method"]
    return kinds


def state(name: str) -> set[str]:
    labels = f'connector="upi_sandbox",method="UPI",state="{name}"'
    return {f"nonstopay_method_health{{{labels}}} 1.0"}


async def test_a_bank_that_is_down_is_said_to_be_and_comes_back(till: Till, upi_till: Till) -> None:
    other, till = till, upi_till
    till.gateway.sandbox("clock", advance_seconds=11 * 60)
    fault(till, "error_500")
    pages = [till.merchant.new_page(amount=5) for _ in range(5)]
    for page_url in pages:
        assert UNANSWERED in choose_upi(till, page_url)
        assert UNANSWERED not in call("GET", page_url).text, "it is said when it happens"

    till.gateway.sandbox("clock", advance_seconds=16)
    await eventually(lambda: health(till), state("down"))
    await eventually(lambda: TROUBLE in call("GET", pages[0]).text, True)
    await eventually(lambda: told(till), ["method:down"])
    assert any("/pay/" in one for one in buttons_on(call("GET", pages[0]).text)), (
        "there is no other way: the payer may try"
    )

    assert "method=upi" not in call("GET", other.merchant.new_page(amount=5)).text, (
        "payers who have another way are not led into it"
    )

    fault(till, "none")
    till.gateway.sandbox("clock", advance_seconds=61)
    await eventually(lambda: health(till), state("probing"))
    page = await asyncio.to_thread(choose_upi, till, pages[1])
    invoice = till.merchant.newest_invoice()
    await eventually(lambda: health(till), state("healthy"))
    await eventually(lambda: TROUBLE in call("GET", pages[0]).text, False)
    await eventually(lambda: told(till), ["method:down", "method:recovered"])

    sale = Sale(till, invoice - 3, pages[1], upi_link_on(page))
    sale.pay()
    await sale.shows("paid")
    assert [one for one in till.shop.messages if one.body["status"].startswith("method:")] == [], (
        "a callback gets news of methods only where it is asked for"
    )


async def test_a_payer_of_a_wrong_amount_sees_what_came_and_pays_again(
    till: Till, auditor: Auditor
) -> None:
    sale = till.hosted()
    charged = await auditor.charged(sale.invoice)
    await auditor.conn.execute(
        """UPDATE sandbox_upi_order SET amount_minor = amount_minor - 100
            WHERE reference = (SELECT reference FROM payment WHERE invoice_id = $1)""",
        sale.invoice,
    )
    whole, _, paise = charged.partition(".")
    less = f"{int(whole) - 1}.{paise}"
    sale.pay(link=sale.link.replace(f"am={charged}", f"am={less}"))

    page = await sale.shows("refunded")
    assert f"₹{less}" in page
    assert charged not in page
    assert "Pay again" in page
    again = call("GET", f"{sale.page_url}&again=1").text
    button = next(one for one in buttons_on(again) if "/pay/" in one)
    assert call("POST", till.gateway.url + button).status == 303
    sale.pay(link=upi_link_on(sale.page().text))
    await sale.shows("paid")
    await sale.is_told("created", "opened", "awaiting_approval")
