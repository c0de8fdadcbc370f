"""The feed of events: for merchants who rather ask than be told, and to catch up. All of it ours.

A cursor is the event's place in its merchant's feed, 1, 2, 3, … without gaps. What comes later is
higher, whoever committed first: so who asks beyond the last cursor that he has seen misses nothing.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from nonstopay import clock
from nonstopay.business.assembly import DESCRIBERS, Gateway
from nonstopay.business.webhooks import sign
from nonstopay.business.webhooks.feed.read import Told, newest, read
from nonstopay.errors import NonstopayError
from nonstopay.web.api.call import Call, Reply, success
from nonstopay.web.api.errors import invalid, unreadable
from nonstopay.web.api.parameters import plain_text
from nonstopay.web.api.stream import Stream, message

LIMIT, LIMIT_MAX = 50, 100
STREAMS_MAX = 128
STREAMS_OF_ONE_MAX = 16
"""Of one merchant, so that nobody takes all of them."""
STREAM_SECONDS = 600.0
"""Then the client comes again by itself, and its key is looked at again."""
_LOOK_SECONDS = 0.5
_SIGN_OF_LIFE_SECONDS = 15.0
_CURSOR = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_RETRY = b"retry: 2000\n\n"
_SIGN_OF_LIFE = b":\n\n"


class EventCalls:
    """The calls of one process. `close` ends its streams."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._streams: Counter[int] = Counter()
        self._closed = asyncio.Event()

    async def list(self, call: Call) -> Reply:
        """`GET /api/events/?after=<cursor>&limit=`"""
        await call.read_parameters()
        after = _cursor(call.parameters.get("after")) or 0
        limit = _limit(call.parameters.get("limit"))
        told = await read(self._gateway.db, DESCRIBERS, call.merchant.id, after, limit)
        last = told[-1].position if told else after
        head = await newest(self._gateway.db, call.merchant.id)
        return success(
            {"events": [_event(one) for one in told], "next": str(last), "more": head > last}
        )

    async def stream(self, call: Call) -> Stream:
        """`GET /api/events/stream/`: what comes from now on, or beyond the cursor that is given."""
        await call.read_parameters()
        resumed = call.headers.get(b"last-event-id")
        after = _cursor(resumed.decode("latin-1") if resumed else call.parameters.get("after"))
        merchant_id = call.merchant.id
        if after is None:
            after = await newest(self._gateway.db, merchant_id)
        if self._streams.total() >= STREAMS_MAX or self._closed.is_set():
            raise unreadable(429, "too many streams are open; please come back in a moment")
        if self._streams[merchant_id] >= STREAMS_OF_ONE_MAX:
            raise unreadable(429, f"you have {STREAMS_OF_ONE_MAX} streams open; close one first")
        self._streams[merchant_id] += 1
        return Stream(self._follow(merchant_id, after), partial(self._end, merchant_id))

    def close(self) -> None:
        """End every stream: the process stops, and the clients will find another."""
        self._closed.set()

    async def _follow(self, merchant_id: int, after: int) -> AsyncGenerator[bytes, None]:
        began = heard = clock.stopwatch()
        try:
            yield _RETRY
            while not self._closed.is_set() and clock.stopwatch() - began < STREAM_SECONDS:
                told = await read(self._gateway.db, DESCRIBERS, merchant_id, after, LIMIT)
                for one in told:
                    after = one.position
                    yield message(str(after), one.event.kind, msgspec.json.encode(_event(one)))
                now = clock.stopwatch()
                if told or now - heard > _SIGN_OF_LIFE_SECONDS:
                    heard = now
                    if not told:
                        yield _SIGN_OF_LIFE
                if len(told) < LIMIT:
                    await self._pause()
        except NonstopayError:
            return  # the client comes again with the last cursor that it has

    def _end(self, merchant_id: int) -> None:
        self._streams[merchant_id] -= 1
        if not self._streams[merchant_id]:
            del self._streams[merchant_id]

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closed.wait(), _LOOK_SECONDS)


def _event(told: Told) -> dict[str, Any]:
    event = told.event
    return {
        "cursor": str(told.position),
        "id": sign.webhook_id(event.id),
        "kind": event.kind,
        "object": event.object,
        "object_id": event.object_id,
        "version": event.version,
        "datetime": clock.text(event.created_at),
        "body": msgspec.Raw(told.body),
    }


def _cursor(value: object) -> int | None:
    if value in (None, ""):
        return None
    text = plain_text(value)
    if text is None or not _CURSOR.fullmatch(text):
        raise invalid("after")
    return int(text)


def _limit(value: object) -> int:
    if value in (None, ""):
        return LIMIT
    text = plain_text(value)
    if text is None or not _CURSOR.fullmatch(text) or not 0 < int(text) <= LIMIT_MAX:
        raise invalid("limit")
    return int(text)
