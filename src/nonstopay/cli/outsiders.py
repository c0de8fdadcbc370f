"""Who deals with the gateway from outside, over HTTP and nothing else: shop, browser, pretend bank.

The demo and `trigger` act through them, so what they show is what a stranger's program would see.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
from yarl import URL

from nonstopay import clock
from nonstopay.errors import NonstopayError, Unavailable

ANSWER_SECONDS = 10
_LOOK_SECONDS = 0.05
_CREATE = "/api/btn-create-invoice/get/"
_STATUS = "/api/invoice/status/"


class Refused(NonstopayError):
    """The gateway answered, and the answer was no."""

    code = "refused"


class Door:
    """The gateway's HTTP door as strangers reach it; used as `async with`.

    Args:
        base_url: `http://127.0.0.1:8080`. Addresses that the gateway gives out are followed here,
            whatever public name they carry.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Door":
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        self._session = aiohttp.ClientSession(timeout=timeout, trust_env=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def ask(self, method: str, address: str, **more: Any) -> tuple[int, bytes]:
        """Status and body of the answer, redirects followed.

        Raises:
            Unavailable: there was none.
        """
        assert self._session is not None, "Door is used as `async with`"
        parts = urlsplit(address)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            async with self._session.request(
                method, URL(self.base_url + path, encoded=True), **more
            ) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = str(error) or "no answer in time"
            raise Unavailable(f"{method} {self.base_url}{parts.path}: {reason}") from None

    async def json(self, method: str, address: str, **more: Any) -> Any:
        """The answer's JSON.

        Raises:
            Refused: another status than 2xx, an `errorCode`, or no JSON.
            Unavailable: no answer.
        """
        status, body = await self.ask(method, address, **more)
        try:
            answer = msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.DecodeError:
            raise Refused(f"{method} {address}: status {status} and no JSON") from None
        number = answer.get("errorCode", 0)
        if number or not 200 <= status < 300:
            why = answer.get("errorMessage") or answer.get("error") or answer
            raise Refused(f"{method} {address}: {number or status}, {why}")
        return answer


class Page(HTMLParser):
    """What a browser without JavaScript makes of a page: its forms, its links, and its state."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[str] = []
        self.links: list[str] = []
        self.state = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form" and said.get("method", "").lower() == "post":
            self.forms.append(said["action"])
        elif tag == "a" and "href" in said:
            self.links.append(said["href"])
        elif tag == "main":
            self.state = said.get("data-state", "")

    def form(self, words: str) -> str:
        """The action of the form that has `words` in it; the payment page has one a method."""
        for action in self.forms:
            if words in action:
                return action
        raise Refused(f"the payment page ({self.state}) has no form for {words}")

    @property
    def upi_link(self) -> str:
        """The `upi://pay?…` link that opens the payer's app."""
        for link in self.links:
            if link.startswith("upi://pay?"):
                return link
        raise Refused(f"the payment page ({self.state}) has no upi:// link")


class Shop:
    """A merchant's server: it knows its API key and the documented API."""

    def __init__(self, door: Door, api_key: str) -> None:
        self._door = door
        self._headers = {"API-KEY": api_key}

    async def create_invoice(self, parameters: Mapping[str, Any]) -> str:
        """The address of the payment page for a new invoice. Raises `Refused`."""
        answer = await self._door.json(
            "POST", _CREATE, json=dict(parameters), headers=self._headers
        )
        return str(answer["redirectUrl"])

    async def status(self, invoice_id: int) -> str:
        """`invoice:created` and so on. Raises `Refused`."""
        address = f"{_STATUS}?id={invoice_id}"
        answer = await self._door.json("GET", address, headers=self._headers)
        return str(answer["invoice"]["status"])


class Browser:
    """A payer's browser with JavaScript off: it opens pages and presses the buttons on them."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def open(self, address: str) -> Page:
        """The page there. Raises `Refused`."""
        return await self._page("GET", address)

    async def press(self, action: str) -> Page:
        """Send a form; the page it leads to. Raises `Refused`."""
        return await self._page("POST", action)

    async def _page(self, method: str, address: str) -> Page:
        status, body = await self._door.ask(method, address)
        if status != 200:
            raise Refused(f"{method} {urlsplit(address).path}: status {status}")
        return Page(body.decode())


class Bank:
    """The sandbox's pretend bank, and its movable clock."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def pay(self, uri: str, outcome: str) -> dict[str, Any]:
        """The payer approves in his app and `outcome` happens; the order as the bank has it."""
        wish = {"uri": uri, "outcome": outcome}
        answer: dict[str, Any] = await self._door.json("POST", "/sandbox/upi/pay", json=wish)
        return answer

    async def advance(self, seconds: int) -> None:
        """Move the whole sandbox's clock forward."""
        await self._door.json("POST", "/sandbox/clock", json={"advance_seconds": seconds})


async def until(wanted: str, ask: Callable[[], Awaitable[str]], seconds: int = 10) -> None:
    """Ask until the answer is `wanted`.

    Raises:
        Refused: it was something else for so long; says what.
    """
    deadline = clock.stopwatch() + seconds
    while (last := await ask()) != wanted:
        if clock.stopwatch() > deadline:
            raise Refused(f"waited {seconds} s for {wanted}, and it is still {last or 'nothing'}")
        await asyncio.sleep(_LOOK_SECONDS)
