"""`nonstopay api` and `nonstopay worker`: one process each, any number of them on one database."""

import asyncio
import gc
import signal
import socket
from collections.abc import Coroutine
from contextlib import suppress
from typing import Annotated, Any

import uvicorn
import uvloop
from cyclopts import Parameter

from nonstopay.cli import logs
from nonstopay.cli.gateway import opened
from nonstopay.cli.where import Host, Port, Where, database_of, prepare, register
from nonstopay.config import Settings
from nonstopay.sandbox import clock as sandbox_clock
from nonstopay.store.db import Database
from nonstopay.web.app import Application, application
from nonstopay.web.transport import GatheringProtocol
from nonstopay.worker.run import Worker

Lifeline = Annotated[int | None, Parameter(show=False)]
"""A pipe from the supervisor: when its other end is gone, so must we be."""


def api(
    *, host: Host = None, port: Port = None, lifeline: Lifeline = None, where: Where = Where()
) -> None:
    """Run one API process, beside others on the same --database."""
    settings = where.settings(host=host, port=port)
    logs.configure(settings)
    with database_of(settings) as url:
        _run(_serve_api(settings, url, lifeline))


def worker(*, lifeline: Lifeline = None, where: Where = Where()) -> None:
    """Run one worker, beside others on the same --database."""
    settings = where.settings()
    logs.configure(settings)
    with database_of(settings) as url:
        _run(_work(settings, url, lifeline))


async def _serve_api(settings: Settings, url: str, lifeline: int | None) -> None:
    if lifeline is None:
        await register(settings, url)
    async with opened(settings, url) as gateway:
        served = application(gateway)
        server = _Server(
            uvicorn.Config(
                served,
                host=settings.host,
                port=settings.port,
                loop="uvloop",
                http=GatheringProtocol,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=10,
            ),
            served,
        )
        stop = asyncio.Event()
        _hold(lifeline, stop)
        following = _following_clock(gateway.db, live=settings.live)
        ending = asyncio.create_task(_end_on(stop, server))
        # What was made until now lives as long as the process: no collection needs to look at it.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        await server.serve(sockets=[_listening(settings)])
        for task in (following, ending):
            task.cancel()


def _listening(settings: Settings) -> socket.socket:
    """A socket on the port, which the API processes share: the kernel deals connections out."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        listening.setsockopt(socket.SOL_SOCKET, option, 1)
    listening.bind((settings.host, settings.port))
    return listening


class _Server(uvicorn.Server):
    """Stops without waiting for the payers who have a page open."""

    def __init__(self, config: uvicorn.Config, served: Application) -> None:
        super().__init__(config)
        self._served = served

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._served.end_streams()
        await super().shutdown(sockets)


async def _end_on(stop: asyncio.Event, server: uvicorn.Server) -> None:
    await stop.wait()
    server.should_exit = True


def _following_clock(db: Database, *, live: bool) -> "asyncio.Task[None]":
    return asyncio.create_task(asyncio.sleep(0) if live else sandbox_clock.follow(db))


async def _work(settings: Settings, url: str, lifeline: int | None) -> None:
    if lifeline is None:
        await prepare(settings, url)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    _hold(lifeline, stop)
    async with opened(settings, url) as gateway:
        await Worker(gateway).run(stop)


def _hold(lifeline: int | None, stop: asyncio.Event) -> None:
    """Stop when the supervisor at the other end of the pipe is gone."""
    if lifeline is not None:
        asyncio.get_running_loop().add_reader(lifeline, stop.set)


def _run(main: Coroutine[Any, Any, None]) -> None:
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
