"""The load generator counts what was acknowledged, and believes no reply that it did not read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from nonstopay.bench.http_load import HttpLoad
from nonstopay.errors import LawBroken

REQUEST = b"POST / HTTP/1.1\r\nhost: bench\r\ncontent-length: 0\r\n\r\n"
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def _reply(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)


CREATED = _reply(b'{"errorCode":0,"redirectUrl":"https://pay.example.com"}')


async def test_every_reply_is_counted_once() -> None:
    """What the generator says was done is what the server did, to the last request."""
    served = 0

    async def answer(writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        writer.write(CREATED)

    async with _server(answer) as port:
        one = await HttpLoad("127.0.0.1", port, lambda: REQUEST).run(connections=4, seconds=0.1)

    assert one.done == served > 4
    assert one.latency.max_ms >= one.latency.p50_ms > 0


async def test_a_reply_in_pieces_is_one_reply() -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        for place in range(0, len(CREATED), 20):
            writer.write(CREATED[place : place + 20])
            await asyncio.sleep(0.001)

    async with _server(answer) as port:
        one = await HttpLoad("127.0.0.1", port, lambda: REQUEST).run(connections=1, seconds=0.02)

    assert one.latency.p50_ms >= 3


@pytest.mark.parametrize(
    "reply",
    [
        _reply(b'{"errorCode":50013,"errorMessage":"invalid amount"}'),
        _reply(b'{"errorCode":503,"errorMessage":"later"}', b"503 Service Unavailable"),
        _reply(b'{"errorCode":0}', b"429 Too Many Requests"),
    ],
)
async def test_an_error_ends_the_measurement(reply: bytes) -> None:
    """Refusing is faster than working: a figure with errors in it would say too much."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(reply)

    async with _server(answer) as port:
        with pytest.raises(LawBroken, match="the server answered"):
            await HttpLoad("127.0.0.1", port, lambda: REQUEST).run(connections=2, seconds=5)


async def test_a_lost_connection_ends_the_measurement() -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with _server(answer) as port:
        with pytest.raises(LawBroken, match="a connection was lost"):
            await HttpLoad("127.0.0.1", port, lambda: REQUEST).run(connections=2, seconds=5)


@asynccontextmanager
async def _server(answer: Answer) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing() and await reader.readuntil(b"\r\n\r\n"):
                await answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
