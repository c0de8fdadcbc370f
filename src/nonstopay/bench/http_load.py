"""A load generator for one HTTP call: keep-alive connections, one request at a time on each.

It is plain asyncio on uvloop, lean so that it takes little from the machine that it measures, and
strict: every reply is read to its end and checked.
"""

import asyncio
import time
from array import array
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from nonstopay.bench.figures import Latency, Round
from nonstopay.errors import LawBroken

SIDE = "nonstopay"
DRAIN_SECONDS = 30.0
_END_OF_HEAD = b"\r\n\r\n"
_OK = b"HTTP/1.1 200 "
_LENGTH = b"content-length: "
_SUCCESS = b'{"errorCode":0,'


class HttpLoad:
    """Sends requests to one server and checks the replies.

    Args:
        request: the bytes of the next request; every one may be different.
    """

    def __init__(self, host: str, port: int, request: Callable[[], bytes]) -> None:
        self._host, self._port = host, port
        self._request = request

    async def run(self, *, connections: int, seconds: float) -> Round:
        """Keep `connections` busy for `seconds`, then wait for the replies under way.

        The rate counts what was acknowledged until the last reply, over the time until then.

        Raises:
            LawBroken: a reply is not a 200 with `errorCode` 0, or a connection was lost.
        """
        loop = asyncio.get_running_loop()
        tally = _Tally(self._request, loop.create_future())
        opened = [
            await loop.create_connection(lambda: _Client(tally), self._host, self._port)
            for _ in range(connections)
        ]
        began = time.perf_counter()
        tally.ends = began + seconds
        tally.busy = connections
        for _, client in opened:
            client.send()
        try:
            async with asyncio.timeout(seconds + DRAIN_SECONDS):
                await tally.drained
        except TimeoutError:
            raise LawBroken(f"{tally.busy} requests were never answered") from None
        finally:
            for transport, _ in opened:
                transport.close()
        took = time.perf_counter() - began
        done = len(tally.seconds)
        return Round(SIDE, done, round(done / took, 1), Latency.of(tally.seconds))


class _Tally:
    """What the connections of one run share."""

    def __init__(self, request: Callable[[], bytes], drained: asyncio.Future[None]) -> None:
        self.request = request
        self.drained = drained
        self.seconds = array("d")
        self.ends = 0.0
        self.busy = 0

    def fail(self, why: str) -> None:
        with suppress(asyncio.InvalidStateError):
            self.drained.set_exception(LawBroken(why))

    def rest(self) -> None:
        self.busy -= 1
        if not self.busy and not self.drained.done():
            self.drained.set_result(None)


class _Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, tally: _Tally) -> None:
        self._tally = tally
        self._unread = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self) -> None:
        request = self._tally.request()
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._unread:
            data = self._unread + data
        body_at = data.find(_END_OF_HEAD) + len(_END_OF_HEAD)
        if body_at < len(_END_OF_HEAD) or len(data) < body_at + _body_length(data, body_at):
            self._unread = data
            return
        self._unread = b""
        now = time.perf_counter()
        tally = self._tally
        if not data.startswith(_OK) or not data.startswith(_SUCCESS, body_at):
            tally.fail(f"the server answered {data[:600].decode(errors='replace')}")
            return
        tally.seconds.append(now - self._sent_at)
        if now < tally.ends:
            self.send()
        else:
            tally.rest()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._tally.drained.done():
            self._tally.fail(f"a connection was lost: {error or 'closed by the server'}")


def _body_length(data: bytes, body_at: int) -> int:
    begin = data.find(_LENGTH, 0, body_at) + len(_LENGTH)
    return int(data[begin : data.find(b"\r", begin)])
