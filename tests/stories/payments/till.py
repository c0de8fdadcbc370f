"""At the till: a merchant with a shop, and a payer with a phone who comes by either way."""

import asyncio
import html
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tests.stories.gateway import Answer, Gateway, Merchant, call
from tests.stories.shop import Shop

PATIENCE_SECONDS = 20.0
Seen = TypeVar("Seen")


@dataclass
class Sale:
    """An invoice that a payer can pay: `link` is what his UPI app opens."""

    till: "Till"
    invoice: int
    page_url: str
    link: str

    def pay(self, outcome: str = "success", link: str | None = None) -> None:
        self.till.gateway.pay_by_upi(link or self.link, outcome)

    def page(self, **headers: str) -> Answer:
        return call("GET", self.page_url, headers=headers)

    def state_shown(self) -> str:
        """The word for what the page shows."""
        return state_shown(self.page().text)

    def status(self) -> str:
        return self.till.merchant.status(self.invoice)

    def new_qr(self) -> str:
        """Press "new code, same invoice"; the new link."""
        button = next(one for one in buttons_on(self.page().text) if "/new-qr/" in one)
        assert call("POST", self.till.gateway.url + button).status == 303
        return upi_link_on(self.page().text)

    async def shows(self, state: str) -> str:
        """Wait for the page to show this state; the whole page."""
        await eventually(self.state_shown, state)
        return self.page().text

    async def is_told(self, *statuses: str) -> None:
        """The merchant's server has heard these of the invoice, in this order, and no more."""

        def told() -> list[str]:
            messages = [message.body for message in self.till.shop.messages]
            return [body["status"] for body in messages if body["id"] == self.invoice]

        await eventually(told, [f"invoice:{status}" for status in statuses])


@dataclass
class Till:
    gateway: Gateway
    merchant: Merchant
    shop: Shop

    def hosted(self, **more: object) -> Sale:
        """The payer opens the hosted page and chooses UPI."""
        page_url = self.merchant.new_page(**{"amount": 5, **more})
        page = call("GET", page_url).text
        choose_upi = next(action for action in buttons_on(page) if "/pay/" in action)
        assert call("POST", self.gateway.url + choose_upi).status == 303
        link = upi_link_on(call("GET", page_url).text)
        return Sale(self, self.merchant.newest_invoice(), page_url, link)

    def direct(self, **more: object) -> Sale:
        """Server to server: the merchant shows the QR himself."""
        asked = {"payment_solution_type": "UPI", "customer_ip": "203.0.113.9", "amount": 5}
        answer = self.merchant.create(**asked, **more).json()
        assert answer["errorCode"] == 0, answer
        assert answer["status"] == "invoice:opened"
        return Sale(self, int(answer["ID"]), answer["redirectUrl"], answer["upiUri"])

    def sell(self, way: str) -> Sale:
        return self.hosted() if way == "hosted" else self.direct()


async def eventually(
    look: Callable[[], Seen], wanted: Seen, seconds: float = PATIENCE_SECONDS
) -> None:
    """Look, off the event loop, until what is wanted is seen."""
    await eventually_so(lambda: asyncio.to_thread(look), wanted, seconds)


async def eventually_so(
    look: Callable[[], Awaitable[Seen]], wanted: Seen, seconds: float = PATIENCE_SECONDS
) -> None:
    """Look until what is wanted is seen."""
    deadline = time.monotonic() + seconds
    while (seen := await look()) != wanted:
        assert time.monotonic() < deadline, f"{seen}, not {wanted}"
        await asyncio.sleep(0.1)


def upi_link_on(page: str) -> str:
    found = re.search(r'upi://pay\?[^"]+', page)
    assert found, page
    return html.unescape(found.group())


def buttons_on(page: str) -> list[str]:
    return [html.unescape(action) for action in re.findall(r'<form[^>]*action="([^"]+)"', page)]


def state_shown(page: str) -> str:
    found = re.search(r'data-state="([a-z_]+)"', page)
    assert found, page
    return found.group(1)
