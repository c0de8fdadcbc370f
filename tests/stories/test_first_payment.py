"""The main job: an invoice is created, paid by UPI, booked, told, and provable."""

import html
import re

from standardwebhooks import Webhook

from tests.stories.gateway import Gateway, call
from tests.stories.shop import open_shop


def upi_link_on(page: str) -> str:
    found = re.search(r'upi://pay\?[^"]+', page)
    assert found, page
    return html.unescape(found.group())


def buttons_on(page: str) -> list[str]:
    return [html.unescape(action) for action in re.findall(r'<form[^>]*action="([^"]+)"', page)]


async def test_a_payer_pays_by_upi_and_everybody_knows(gateway: Gateway) -> None:
    merchant = gateway.merchant()
    with open_shop() as shop:
        gateway.command("merchant", "set", str(merchant.id), "--callback-url", shop.url)
        page_url = merchant.new_page(amount=5, callbackJson={"order": "A-17"})
        invoice = merchant.newest_invoice()
        assert merchant.status(invoice) == "invoice:created"

        page = call("GET", page_url).text
        assert "Chai &amp; Sons" in page
        assert merchant.status(invoice) == "invoice:opened"

        choose_upi = next(action for action in buttons_on(page) if "/pay/" in action)
        assert call("POST", gateway.url + choose_upi).status == 303
        link = upi_link_on(call("GET", page_url).text)
        gateway.pay_by_upi(link)
        await merchant.wait_for_status(invoice, "invoice:awaiting_approval")

        told = await shop.wait_for(3)
    statuses = [event.body["status"] for event in told]
    assert statuses == ["invoice:created", "invoice:opened", "invoice:awaiting_approval"]
    assert told[-1].body["callbackJson"] == {"order": "A-17"}
    assert told[-1].body["amount"] == 5
    assert told[-1].body["fiat_currency"] == "INR"
    Webhook(merchant.webhook_secret).verify(told[-1].raw, told[-1].headers)
    assert merchant.infos(invoice)["fiat_amount"] == told[-1].body["fiat_amount"]
