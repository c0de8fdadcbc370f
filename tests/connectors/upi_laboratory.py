"""Where UPI connectors are put through the suite: a provider that can be made to do anything.

Every connector needs an entry in `LABORATORIES`; the suite says so if it is missing.
"""

import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from nonstopay import clock
from nonstopay.connectors import base
from nonstopay.connectors import upi as upi_connectors
from nonstopay.connectors.base import Notice, Order, UpiConnector
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind
from nonstopay.connectors.upi.sandbox import SandboxUpi
from nonstopay.money import Money, fiat
from nonstopay.sandbox import notices, upi
from nonstopay.store.db import Database
from nonstopay.web.sandbox import controls
from nonstopay.web.sandbox.context import SandboxContext
from tests.connectors.serving import address_of, serving_on

ORDER = {
    "id": "NSP1",
    "reference": "payment7",
    "status": "captured",
    "amount": "409.71",
    "currency": "INR",
    "code": None,
    "utr": "632600000001",
    "refunded": "0.00",
    "at": "2026-11-22T10:00:00+00:00",
    "expires_at": "2026-11-22T10:08:00+00:00",
}
REFUND = {
    "id": "NSR1",
    "key": "refund1",
    "status": "refunded",
    "amount": "100.00",
    "currency": "INR",
    "utr": "632600000002",
    "at": "2026-11-22T10:00:00+00:00",
}
NOTICE_SECRET = b"the secret of the sandbox's notifications"
API_KEY = "key-of-the-gateway"


@dataclass(frozen=True, kw_only=True)
class Words:
    """A provider's answers, as its documents give them, and such as they do not.

    All are about the order `payment7` of 409.71 rupees and its refund `refund1` of 100 rupees.
    """

    captured: bytes
    undocumented: Mapping[str, bytes]
    notification: bytes
    undocumented_notification: bytes
    refunded: bytes
    undocumented_refunds: Mapping[str, bytes]


def _changed(answer: dict[str, Any], *changes: dict[str, Any]) -> dict[str, bytes]:
    return {str(change): msgspec.json.encode(answer | change) for change in changes}


SANDBOX_WORDS = Words(
    captured=msgspec.json.encode(ORDER),
    undocumented=_changed(
        ORDER,
        {"status": "deemed"},
        {"status": "CAPTURED"},
        {"status": None},
        {"status": "declined", "code": "RB"},
        {"status": "declined"},
        {"amount": "409.7100001"},
        {"amount": 409.71},
        {"amount": "-409.71"},
        {"currency": "USD"},
        {"reference": "payment8"},
        {"at": "yesterday"},
    ),
    notification=msgspec.json.encode({"event": "order.captured", "order": ORDER}),
    undocumented_notification=msgspec.json.encode(
        {"event": "order.deemed", "order": ORDER | {"status": "deemed"}}
    ),
    refunded=msgspec.json.encode(REFUND),
    undocumented_refunds=_changed(
        REFUND, {"status": "queued"}, {"key": "refund2"}, {"amount": "1e2"}, {"currency": "USD"}
    ),
)


@dataclass
class Laboratory:
    """A provider on a real server, its door to us, and the connector to it.

    Attributes:
        make: the connector with another way to call, or to another address.
        heard: notifications as they came in, headers in lower case.
        told: what the connector read in them, there and then.
        deaf: our door answers 500.
    """

    address: str
    database: Database
    make: Callable[[ProviderHttp, str], UpiConnector]
    connector: UpiConnector
    words: Words
    secret: bytes = NOTICE_SECRET
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    told: list[Notice] = field(default_factory=list)
    deaf: bool = False

    def order(self, reference: str = "payment7", rupees: int = 40971) -> Order:
        return Order(
            reference=reference,
            amount=Money(rupees, fiat("INR")),
            payee_name="Acme Toys",
            note="Invoice 7",
            expires_at=clock.now() + timedelta(minutes=8),
            notify_url=f"{self.address}/notifications",
        )

    async def start(self, reference: str = "payment7", rupees: int = 40971) -> str:
        """Open an order; its link."""
        outcome = await self.connector.start(self.order(reference, rupees))
        assert outcome.kind is Kind.WAITING
        assert outcome.link
        return outcome.link

    async def pay(self, uri: str, outcome: str) -> None:
        status, answer = await self.control("upi/pay", uri=uri, outcome=outcome)
        assert status == 200, answer

    async def paid(self, reference: str = "payment7", rupees: int = 40971) -> str:
        """An order that was paid and told; its link."""
        uri = await self.start(reference, rupees)
        await self.pay(uri, "success")
        await self.settle()
        return uri

    async def advance(self, **ahead: float) -> None:
        seconds = int(timedelta(**ahead).total_seconds())
        status, answer = await self.control("clock", advance_seconds=seconds)
        assert status == 200, answer
        await self.settle()

    async def fault(self, mode: str) -> None:
        status, answer = await self.control("fault", target="upi", mode=mode, seconds=60)
        assert status == 200, answer

    async def settle(self) -> None:
        """What the worker does all the time."""
        await upi.settle_due(self.database, self.secret)

    def told_kinds(self) -> list[Kind]:
        return [notice.outcome.kind for notice in self.told]

    def signed(self, body: bytes, ago: timedelta = timedelta(0)) -> dict[str, str]:
        """Headers as the provider signs them."""
        return {notices.SIGNATURE_HEADER: notices.sign(self.secret, clock.now() - ago, body)}

    async def control(self, path: str, **wish: Any) -> tuple[int, Any]:
        """A control of the sandbox, as a person would use it: status and JSON."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.address}/sandbox/{path}", json=wish) as response,
        ):
            return response.status, msgspec.json.decode(await response.read())


@contextlib.asynccontextmanager
async def sandbox_laboratory(database: Database, http: ProviderHttp) -> AsyncIterator[Laboratory]:
    """The sandbox's own provider."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = address_of(listener)
    connector = _sandbox_connector(http, address)
    laboratory = Laboratory(address, database, _sandbox_connector, connector, SANDBOX_WORDS)
    context = SandboxContext(db=database, base_url=address, upi_api_key=API_KEY)
    async with serving_on(listener, _routes(laboratory, controls.routes(context))):
        yield laboratory


LABORATORIES: Mapping[
    str,
    Callable[[Database, ProviderHttp], contextlib.AbstractAsyncContextManager[Laboratory]],
] = {SandboxUpi.name: sandbox_laboratory}


CONNECTORS = sorted(base.find(upi_connectors))


def _sandbox_connector(http: ProviderHttp, address: str) -> UpiConnector:
    return SandboxUpi(http, f"{address}/sandbox/provider/upi", API_KEY, NOTICE_SECRET)


def _routes(laboratory: Laboratory, provider: Sequence[BaseRoute]) -> list[BaseRoute]:
    async def door(request: Request) -> Response:
        body = await request.body()
        if laboratory.deaf:
            return Response(status_code=500)
        headers = dict(request.headers)
        laboratory.told.extend(laboratory.connector.read_notice(headers, body))
        laboratory.heard.append((headers, body))
        return Response()

    return [Route("/notifications", door, methods=["POST"]), *provider]
