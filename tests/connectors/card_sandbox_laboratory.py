"""The sandbox's own card provider on a real server, driven by its page and its public controls."""

import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from nonstopay import clock
from nonstopay.card_number import parse_code, parse_number
from nonstopay.connectors.base import Notice
from nonstopay.connectors.card.sandbox import SandboxCard
from nonstopay.connectors.charge import Browser, Card, Charge, Paid, Payer
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind, Outcome
from nonstopay.money import Money, fiat
from nonstopay.sandbox import notices
from nonstopay.sandbox.card import bank
from nonstopay.sandbox.faults import Target
from nonstopay.store.db import Database
from nonstopay.web.sandbox import controls
from nonstopay.web.sandbox.context import SandboxContext
from tests.connectors.serving import address_of, serving_on

NOTICE_SECRET = b"the secret of the sandbox's notifications"
API_KEY = "key-of-the-gateway"
USD = fiat("USD")
GOOD = "4242424242424242"
CHALLENGED = "4000000000003220"


def dollars(cents: int) -> Money:
    return Money(cents, USD)


def paid(reference: str = "payment7") -> Paid:
    return Paid(reference=reference, provider_reference=None)


@dataclass
class CardLaboratory:
    """The bank, our door to its notifications, and the connector to it.

    Attributes:
        told: what we knew after each notification, there and then.
        heard: notifications as they came in, headers in lower case.
        returned: how often a payer came back from his bank.
        deaf: our door answers 500.
    """

    address: str
    connector: SandboxCard
    database: Database
    told: list[Notice] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    deaf: bool = False

    def charge(
        self,
        number: str = GOOD,
        *,
        reference: str = "payment7",
        cents: int = 1504,
        capture: bool = True,
        invoice: int = 7,
    ) -> Charge:
        card = Card(
            number=parse_number(number),
            expiry_month=12,
            expiry_year=2040,
            code=parse_code("4567" if number.startswith("37") else "456"),
            holder="Asha Rao",
        )
        return Charge(
            reference=reference,
            amount=dollars(cents),
            card=card,
            payer=Payer(email="asha@example.com"),
            browser=Browser(ip="203.0.113.7"),
            capture=capture,
            payee_name="Lotus Books",
            note=f"Invoice {invoice}",
            return_url=f"{self.address}/back?token=abc.def",
            notify_url=f"{self.address}/notifications",
        )

    def connector_by(self, http: ProviderHttp, api_key: str = API_KEY) -> SandboxCard:
        """A connector with another way to call, or another key."""
        url = f"{self.address}/sandbox/provider/card"
        return SandboxCard(http, url, api_key, NOTICE_SECRET)

    async def authorise(self, number: str = GOOD, **more: Any) -> Outcome:
        return await self.connector.authorise(self.charge(number, **more))

    async def reserved(self, cents: int = 1000) -> None:
        """`payment7` is authorised and not captured."""
        outcome = await self.authorise(cents=cents, capture=False)
        assert outcome.kind is Kind.AUTHORISED, outcome

    async def link(self, **more: Any) -> str:
        """Where the payer of a new payment is asked for his one-time code."""
        outcome = await self.authorise(CHALLENGED, **more)
        assert outcome.kind is Kind.WAITING
        assert outcome.link
        return outcome.link

    async def look_up(self, reference: str = "payment7") -> Outcome:
        return await self.connector.look_up(paid(reference))

    async def settle(self) -> None:
        await bank.settle_due(self.database, NOTICE_SECRET)

    async def advance(self, **ahead: float) -> None:
        seconds = int(timedelta(**ahead).total_seconds())
        status, answer = await self.control("clock", advance_seconds=seconds)
        assert status == 200, answer
        await self.settle()

    async def fault(self, mode: str) -> None:
        status, answer = await self.control("fault", target="card", mode=mode, seconds=60)
        assert status == 200, answer

    async def control(self, path: str, **wish: Any) -> tuple[int, Any]:
        """A control of the sandbox, as a person would use it: status and JSON."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.address}/sandbox/{path}", json=wish) as response,
        ):
            return response.status, msgspec.json.decode(await response.read())

    async def ask_bank(self, method: str, path: str, **how: Any) -> tuple[int, Any]:
        """The bank's API without the connector: status and JSON."""
        url = f"{self.address}/sandbox/provider/card/payments{path}"
        headers = {"authorization": f"Bearer {API_KEY}"} | how.pop("headers", {})
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, headers=headers, **how) as response,
        ):
            return response.status, msgspec.json.decode(await response.read())

    async def answer(
        self, link: str, code: str = "123456", act: str = "confirm"
    ) -> tuple[int, str]:
        """Send the issuer's form; the answer's status and where it leads."""
        form = {"code": code, "act": act}
        async with (
            aiohttp.ClientSession() as session,
            session.post(link, data=form, allow_redirects=False) as response,
        ):
            return response.status, response.headers.get("location", "")

    async def page(self, link: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(link) as response:
            return response.status, await response.text()

    def signed(self, body: bytes, ago: timedelta = timedelta(0)) -> Mapping[str, str]:
        value = notices.sign(NOTICE_SECRET, clock.now() - ago, body)
        return {notices.signature_header(Target.CARD): value}

    def told_kinds(self) -> list[Kind]:
        return [notice.outcome.kind for notice in self.told if notice.outcome]

    def routes(self) -> list[Route]:
        """Where the provider notifies us, and where payers come back to."""

        async def hear(request: Request) -> Response:
            body = await request.body()
            if self.deaf:
                return Response(status_code=500)
            self.heard.append((dict(request.headers), body))
            self.told += self.connector.read_notice(dict(request.headers), body)
            return Response()

        async def back(request: Request) -> Response:
            self.returned.append(str(request.url))
            return HTMLResponse("<link rel=icon href=data:,><h1>Back at the shop</h1>")

        return [
            Route("/notifications", hear, methods=["POST"]),
            Route("/back", back, methods=["GET"]),
        ]


@contextlib.asynccontextmanager
async def card_laboratory(database: Database, http: ProviderHttp) -> AsyncIterator[CardLaboratory]:
    """The sandbox's own card provider, and a connector to it."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = address_of(listener)
    connector = SandboxCard(http, f"{address}/sandbox/provider/card", API_KEY, NOTICE_SECRET)
    laboratory = CardLaboratory(address, connector, database)
    context = SandboxContext(
        db=database, base_url=address, upi_api_key=API_KEY, card_api_key=API_KEY
    )
    async with serving_on(listener, [*laboratory.routes(), *controls.routes(context)]):
        yield laboratory
