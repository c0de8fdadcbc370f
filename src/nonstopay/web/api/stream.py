"""An answer that goes on: server-sent events (WHATWG HTML, 9.2), until either side has enough."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from nonstopay.web.api.call import Receive, Send

_log = logging.getLogger(__name__)
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


@dataclass(frozen=True, slots=True)
class Stream:
    """What a call answers with that does not end by itself; each chunk is sent at once.

    Attributes:
        ended: called once when it is over, begun or not.
    """

    chunks: AsyncGenerator[bytes, None]
    ended: Callable[[], None]


def message(id: str, event: str, data: bytes) -> bytes:
    """One event of a stream. Line breaks in `data` are kept, as several data lines."""
    lines = b"".join(b"data: " + line + b"\n" for line in data.splitlines())
    return f"id: {id}\nevent: {event}\n".encode() + lines + b"\n"


async def send_stream(send: Send, receive: Receive, stream: Stream) -> None:
    """Send chunks until there are no more or the client is gone.

    Once it has begun an error can only end it; the client comes again from its last event.
    """
    try:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await _send_until_gone(send, receive, stream)
    finally:
        stream.ended()


async def _send_until_gone(send: Send, receive: Receive, stream: Stream) -> None:
    sending = asyncio.create_task(_send_all(send, stream))
    leaving = asyncio.create_task(_client_is_gone(receive))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        sending.cancel()
        outcome, _ = await asyncio.gather(sending, leaving, return_exceptions=True)
        await stream.chunks.aclose()
    if isinstance(outcome, Exception):
        _log.error("a stream was cut off", exc_info=outcome)


async def _send_all(send: Send, stream: Stream) -> None:
    async for chunk in stream.chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _client_is_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
