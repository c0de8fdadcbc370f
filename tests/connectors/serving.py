"""A real HTTP server on a free port, for the time of a `with`."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route


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
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    with contextlib.closing(listener):
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        try:
            yield address_of(listener)
        finally:
            server.should_exit = True
            await running


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


def answering(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Route:
    """A route that answers every request alike."""

    async def answer(request: Request) -> Response:
        return Response(body, status, headers)

    return Route("/{path:path}", answer, methods=["GET", "POST"])
