"""The sandbox's own provider, driven by its public controls."""

import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
import msgspec

from nonstopay import clock
from nonstopay.connectors.base import UpiConnector
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.upi.sandbox import SandboxUpi
from nonstopay.sandbox import notices, upi
from nonstopay.sandbox.faults import Target
from nonstopay.store.db import Database
from nonstopay.web.sandbox import controls
from nonstopay.web.sandbox.context import SandboxContext
from tests.connectors.laboratory import Laboratory, Manners, Script, Words
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


def _changed(answer: dict[str, Any], *changes: dict[str, Any]) -> dict[str, Script]:
    return {str(change): {"": msgspec.json.encode(answer | change)} for change in changes}


WORDS = Words(
    captured={"": msgspec.json.encode(ORDER)},
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
    refunded={"": msgspec.json.encode(REFUND)},
    undocumented_refunds=_changed(
        REFUND, {"status": "queued"}, {"key": "refund2"}, {"amount": "1e2"}, {"currency": "USD"}
    ),
)


@dataclass
class SandboxLaboratory(Laboratory):
    database: Database = field(kw_only=True)
    secret: bytes = NOTICE_SECRET

    async def pay(self, uri: str, outcome: str) -> None:
        status, answer = await self.control("upi/pay", uri=uri, outcome=outcome)
        assert status == 200, answer

    async def advance(self, **ahead: float) -> None:
        seconds = int(timedelta(**ahead).total_seconds())
        status, answer = await self.control("clock", advance_seconds=seconds)
        assert status == 200, answer
        await self.settle()

    async def fault(self, mode: str) -> None:
        status, answer = await self.control("fault", target="upi", mode=mode, seconds=60)
        assert status == 200, answer

    async def settle(self) -> None:
        await upi.settle_due(self.database, self.secret)

    def signed(self, body: bytes, ago: timedelta = timedelta(0)) -> dict[str, str]:
        return {
            notices.signature_header(Target.UPI): notices.sign(self.secret, clock.now() - ago, body)
        }

    def forgeries(self, true: Mapping[str, str]) -> list[dict[str, str]]:
        return [
            *super().forgeries(true),
            {name: text.replace("v1=", "v0=") for name, text in true.items()},
            {name: text.replace("t=", "t=1") for name, text in true.items()},
            dict.fromkeys(true, "t=٣,v1=" + "0" * 64),
        ]

    async def control(self, path: str, **wish: Any) -> tuple[int, Any]:
        """A control of the sandbox, as a person would use it: status and JSON."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.address}/sandbox/{path}", json=wish) as response,
        ):
            return response.status, msgspec.json.decode(await response.read())


@contextlib.asynccontextmanager
async def sandbox_laboratory(
    database: Database, http: ProviderHttp
) -> AsyncIterator[SandboxLaboratory]:
    """The sandbox's own provider."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = address_of(listener)
    connector = _connector(http, address)
    laboratory = SandboxLaboratory(
        address, _connector, connector, WORDS, Manners(), database=database
    )
    context = SandboxContext(
        db=database, base_url=address, upi_api_key=API_KEY, card_api_key=API_KEY
    )
    async with serving_on(listener, [laboratory.door(), *controls.routes(context)]):
        yield laboratory


def _connector(http: ProviderHttp, address: str) -> UpiConnector:
    return SandboxUpi(http, f"{address}/sandbox/provider/upi", API_KEY, NOTICE_SECRET)
