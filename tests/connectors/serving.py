"""A real HTTP server on a free port, for the time of a `with`."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

PATIENCE_SECONDS = 2


class _Server(uvicorn.Server):
    """Says when it is ready, and ends when told instead of at the next tick."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.end = asyncio.Event()

    async def main_loop(self) -> None:
        self.ready.set()
        await self.end.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's own, which sleeps a tenth of a second first: three hundred tests would feel it."""
        for server in self.servers:
            server.close()
        for sock in sockets or []:
            sock.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        patience = time.monotonic() + PATIENCE_SECONDS
        while self.server_state.connections or self.server_state.tasks:
            if time.monotonic() > patience:
                break
            await asyncio.sleep(0.002)
        for task in self.server_state.tasks:
            task.cancel()


@contextlib.asynccontextmanager
async def serving(routes: Sequence[BaseRoute]) -> AsyncIterator[str]:
    """Serve these routes; yields the address, `http://127.0.0.1:49152`."""
    listener = socket.create_server(("127.0.0.1", 0))
    async with serving_on(listener, routes) as address:
        yield address


@contextlib.asynccontextmanager
async def serving_on(listener: socket.socket, routes: Sequence[BaseRoute]) -> AsyncIterator[str]:
    """As `serving`, on a socket whose address was needed before the routes could be made."""
    config = uvicorn.Config(
        Starlette(routes=list(routes)),
        lifespan="off",
        ws="none",
        log_config=None,
    )
    # asyncio sets it only on sockets that name TCP; without it each answer waits 40 ms for its ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = _Server(config)
    with contextlib.closing(listener):
        running = asyncio.create_task(server.serve(sockets=[listener]))
        await server.ready.wait()
        try:
            yield address_of(listener)
        finally:
            server.end.set()
            await running


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


def answering(
    body: bytes, status: int = 200, headers: dict[str, str] | None = None, below: str = ""
) -> Route:
    """A route that answers every request alike; those `below` a path if one is given."""

    async def answer(request: Request) -> Response:
        return Response(body, status, headers)

    return Route(below + "/{path:path}", answer, methods=["GET", "POST"])


def scripted(script: Mapping[str, bytes], status: int = 200, below: str = "") -> Route:
    """A route that answers by method and path: the first of the script's keys that fits them.

    A key is a method and a part of the path, `GET /orders`; an empty one fits everything.
    """

    async def answer(request: Request) -> Response:
        said = f"{request.method} {request.url.path}"
        for key, body in script.items():
            method, _, part = key.partition(" ")
            if said.startswith(method) and part in said:
                return Response(body, status)
        return Response(status_code=404)

    return Route(below + "/{path:path}", answer, methods=["GET", "POST"])
