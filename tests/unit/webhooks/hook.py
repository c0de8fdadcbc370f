"""A merchant's server that can be told to misbehave, down to the byte, and a shop to own it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from nonstopay import clock
from nonstopay.business.webhooks import records
from nonstopay.business.webhooks.deliver import Deliverer
from nonstopay.business.webhooks.delivery import Attempt, Delivery
from nonstopay.business.webhooks.describe import describe_endpoint
from nonstopay.business.webhooks.endpoint import ENDPOINT
from nonstopay.business.webhooks.payload import Describe, one_by_one
from nonstopay.business.webhooks.rotate import rotate
from nonstopay.business.webhooks.set_callback import set_callback
from nonstopay.connectors.public_http import PublicHttp
from nonstopay.store import outbox
from nonstopay.store.db import Database
from nonstopay.store.outbox import Event
from nonstopay.store.seal import Sealer

SEALER = Sealer([b"a key for tests, 32 bytes long..."])


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return msgspec.json.decode(self.body, type=dict[str, Any])


Answer = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def status(code: int, *headers: str, body: bytes = b"") -> Answer:
    """Answers with a status and nothing unusual."""

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        head = [f"HTTP/1.1 {code} X", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(head).encode() + body)

    return answer


@dataclass
class Hook:
    """Receives on a free port of this machine; what comes is in `requests`."""

    answer: Answer = field(default_factory=lambda: status(200))
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    visits: set["asyncio.Task[None]"] = field(default_factory=set)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.visits.add(cast("asyncio.Task[None]", asyncio.current_task()))
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                request = await _read(reader)
                self.requests.append(request)
                await self.answer(request, writer)
                await writer.drain()
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(head[0].split(" ")[1], headers, body)


@asynccontextmanager
async def listening(hook: Hook, tls: ssl.SSLContext | None = None) -> AsyncIterator[Hook]:
    server = await asyncio.start_server(hook.serve, "127.0.0.1", 0, ssl=tls)
    hook.port = server.sockets[0].getsockname()[1]
    try:
        yield hook
    finally:
        server.close()
        for visit in hook.visits:
            visit.cancel()
        await asyncio.gather(*hook.visits)


@dataclass(frozen=True)
class Shop:
    """A merchant with a signing secret and, after `listens_at`, a callback URL."""

    db: Database
    id: int
    secret: str

    async def listens_at(self, url: str | None) -> None:
        async with self.db.transaction() as tx:
            await set_callback(tx, self.id, url, clock.now(), allow_loopback=True)

    async def happens(self, object_id: int, what: str) -> int:
        """Something happens to one of his invoices; the event's id."""
        async with self.db.transaction() as tx:
            return await outbox.record(
                tx, self.id, what, "invoice", object_id, 1, {"status": what}, clock.now()
            )

    async def deliveries(self, object_id: int) -> list[Delivery]:
        async with self.db.reading() as conn:
            return await records.deliveries_of(conn, self.id, "invoice", object_id)

    async def attempts(self, event_id: int) -> list[Attempt]:
        async with self.db.reading() as conn:
            found = await records.latest_deliveries(conn, self.id, None, 100)
            for one in found:
                if one.event_id == event_id:
                    return await records.attempts(conn, self.id, one.endpoint_id, event_id)
        return []


async def open_shop(db: Database) -> Shop:
    merchant_id = await db.fetchval(
        """INSERT INTO merchant (email, name, created_at, methods)
           VALUES ('dev@shop.example', 'Shop', $1, '{}') RETURNING id""",
        clock.now(),
    )
    async with db.transaction() as tx:
        return Shop(db, merchant_id, await rotate(tx, SEALER, merchant_id, clock.now()))


async def describe(db: Database, events: Sequence[Event]) -> list[dict[str, Any]]:
    return [{"id": event.object_id, "status": event.facts["status"]} for event in events]


KINDS = {"invoice:created", "invoice:paid", "fund:created", "fund:success", "webhook:disabled"}
DESCRIBERS: dict[str, Describe] = {"invoice": describe, ENDPOINT: one_by_one(describe_endpoint)}


@asynccontextmanager
async def delivering(db: Database, workers: int = 1, **limits: int) -> AsyncIterator[None]:
    """While this lasts, workers deliver; at its end they finish what they have in hand."""
    stop = asyncio.Event()
    async with PublicHttp(allow_loopback=True) as http, asyncio.TaskGroup() as group:
        for _ in range(workers):
            worker = Deliverer(db, http, SEALER, DESCRIBERS, **limits)
            group.create_task(worker.run(stop))
        try:
            yield
        finally:
            stop.set()


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 10) -> None:
    """Wait until something is so; fail if it never is."""
    async with asyncio.timeout(seconds):
        while True:
            answer = condition()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.01)
