"""`nonstopay listen`: webhooks as they happen, and a copy of each to wherever you want it."""

import asyncio
from contextlib import suppress
from typing import Annotated

import aiohttp
from cyclopts import Parameter

from nonstopay import clock
from nonstopay.business.assembly import DESCRIBERS, Gateway
from nonstopay.business.merchants.directory import Directory
from nonstopay.business.webhooks import records, sign
from nonstopay.business.webhooks.delivery import Attempt, Delivery
from nonstopay.business.webhooks.explain import explain
from nonstopay.business.webhooks.payload import build
from nonstopay.business.webhooks.rotate import open_secrets
from nonstopay.business.webhooks.send import TIMEOUT_SECONDS
from nonstopay.business.webhooks.states import State
from nonstopay.cli.gateway import opened
from nonstopay.cli.running import running_database
from nonstopay.cli.where import Where
from nonstopay.errors import InvalidInput
from nonstopay.sandbox import clock as sandbox_clock
from nonstopay.store import observation
from nonstopay.store.db import Connection
from nonstopay.store.outbox import Event

_LOOK_SECONDS = 0.2
_AT_ONCE = 200
# Ids are given out before they are committed; this many back we look for late ones.
_LOOK_BACK = 500
_WATCHED_MAX = 200
"""Events whose deliveries are still followed; the oldest are let go first."""

ForwardTo = Annotated[str | None, Parameter(help="Send a signed copy of each webhook there.")]
ApiKey = Annotated[str | None, Parameter(help="Only the webhooks of the merchant with this key.")]


def listen(*, forward_to: ForwardTo = None, api_key: ApiKey = None, where: Where = Where()) -> None:
    """Show webhooks as they happen until Ctrl-C, and forward them, signed as the real ones are."""
    settings = where.settings()
    if forward_to is not None:
        _require_url(forward_to)

    async def run() -> None:
        async with opened(settings, running_database(settings)) as gateway:
            merchant_id = await _merchant(gateway, api_key)
            async with aiohttp.ClientSession(trust_env=False) as http:
                await _Listener(gateway, merchant_id, http, forward_to).run()

    with suppress(KeyboardInterrupt):
        asyncio.run(run())


class _Listener:
    """Follows the events of one merchant, or of all, and the deliveries of each."""

    def __init__(
        self,
        gateway: Gateway,
        merchant_id: int | None,
        http: aiohttp.ClientSession,
        forward_to: str | None,
    ) -> None:
        self._gateway = gateway
        self._merchant_id = merchant_id
        self._http = http
        self._forward_to = forward_to
        self._seen: set[int] = set()
        self._watched: dict[int, Event] = {}
        self._told: set[tuple[int, int, int]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        db = self._gateway.db
        async with db.reading() as conn:
            newest = await observation.newest_event(conn)
            floor = max(newest - _LOOK_BACK, 0)
            known = await observation.events_after(conn, floor, self._merchant_id, _LOOK_BACK)
        self._seen = {event.id for event in known}
        whose = f"merchant {self._merchant_id}" if self._merchant_id else "all merchants"
        _say(f"listening for webhooks of {whose}; Ctrl-C ends")
        while True:
            if not self._gateway.settings.live:
                await sandbox_clock.step(db)
            floor = await self._look(floor)
            await self._follow_deliveries()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self, floor: int) -> int:
        """Tell what is new; from where to look the next time."""
        async with self._gateway.db.reading() as conn:
            found = await observation.events_after(
                conn, floor, self._merchant_id, _LOOK_BACK + _AT_ONCE
            )
        for event in found:
            if event.id not in self._seen:
                self._seen.add(event.id)
                await self._tell(event)
        floor = max(floor, max(self._seen, default=0) - _LOOK_BACK)
        self._seen = {one for one in self._seen if one > floor}
        return floor

    async def _tell(self, event: Event) -> None:
        [body] = await build(self._gateway.db, DESCRIBERS, [event])
        name = f"{event.object} {event.object_id} of merchant {event.merchant_id}"
        _say(f"{event.created_at:%H:%M:%S}  {sign.webhook_id(event.id)}  {event.kind}  {name}")
        _say(f"          {body.decode()}")
        if self._forward_to:
            _say(f"          forwarded: {await self._forward(self._forward_to, event, body)}")
        self._watched[event.id] = event
        while len(self._watched) > _WATCHED_MAX:
            del self._watched[next(iter(self._watched))]

    async def _forward(self, url: str, event: Event, body: bytes) -> str:
        """Send a copy as a delivery would be sent; what came of it, in words."""
        at, started = clock.now(), clock.stopwatch()
        async with self._gateway.db.reading() as conn:
            sealed = await records.sealed_secrets(conn, [event.merchant_id], at)
        blobs = sealed.get(event.merchant_id)
        if not blobs:
            return f"no; merchant {event.merchant_id} has no signing secret"
        secrets = open_secrets(self._gateway.sealer, event.merchant_id, blobs)
        headers = {"Content-Type": "application/json", "User-Agent": "nonstopay-listen/1"}
        headers |= sign.headers(secrets, sign.webhook_id(event.id), at, body)
        try:
            async with self._http.post(
                url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
            ) as answer:
                outcome = f"{answer.status} {answer.reason or ''}".strip()
        except (aiohttp.ClientError, TimeoutError) as error:
            outcome = f"no answer: {str(error) or 'not in time'}"
        return f"{outcome}, {(clock.stopwatch() - started) * 1000:.0f} ms"

    async def _follow_deliveries(self) -> None:
        """Tell of attempts at the merchants' own endpoints, until each event's are finished."""
        for event in list(self._watched.values()):
            async with self._gateway.db.reading() as conn:
                deliveries = [
                    one
                    for one in await records.deliveries_of(
                        conn, event.merchant_id, event.object, event.object_id
                    )
                    if one.event_id == event.id
                ]
                for delivery in deliveries:
                    await self._tell_attempts(conn, delivery)
            if deliveries and all(one.state is not State.PENDING for one in deliveries):
                del self._watched[event.id]

    async def _tell_attempts(self, conn: Connection, delivery: Delivery) -> None:
        endpoint, event_id = (delivery.merchant_id, delivery.endpoint_id), delivery.event_id
        for attempt in await records.attempts(conn, *endpoint, event_id):
            told = (delivery.endpoint_id, event_id, attempt.number)
            if told not in self._told:
                self._told.add(told)
                url = (await records.endpoints_by_key(conn, [endpoint]))[endpoint].url
                _say(f"          {sign.webhook_id(event_id)} → {url}: {_words(attempt)}")


def _words(attempt: Attempt) -> str:
    took = f"attempt {attempt.number}, {attempt.duration_ms} ms"
    return f"{attempt.status}, {took}" if attempt.received else f"{explain(attempt)} ({took})"


async def _merchant(gateway: Gateway, api_key: str | None) -> int | None:
    if api_key is None:
        return None
    merchant = await Directory(gateway.db).by_key(api_key)
    if merchant is None:
        raise InvalidInput("api_key", "no merchant of this installation has this API key")
    return merchant.id


def _require_url(url: str) -> None:
    """An address that the operator chose himself may be anywhere; it must only be one."""
    if not url.startswith(("http://", "https://")):
        raise InvalidInput("forward_to", "--forward-to takes an http:// or https:// address")


def _say(text: str) -> None:
    print(text, flush=True)
