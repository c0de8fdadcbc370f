"""`nonstopay serve`, `api`, `worker`: the processes of the gateway.

`serve` is a small supervisor in one process group: it keeps the embedded PostgreSQL, one API process and
one worker, starts again what dies, and ends all of them in order. Its children hold a lifeline, a
pipe whose other end dies with it, so that none is left behind by a kill -9.
"""

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Annotated, Any

import uvicorn
from cyclopts import Parameter

from nonstopay.cli import logs
from nonstopay.cli.where import Where, database_of, local_url, opened, prepare
from nonstopay.config import Settings
from nonstopay.errors import Misconfigured
from nonstopay.sandbox import clock as sandbox_clock
from nonstopay.store import installation
from nonstopay.store.db import Database
from nonstopay.store.embedded import EmbeddedPostgres
from nonstopay.web.app import Application, application
from nonstopay.worker.run import Worker

STOP_SECONDS = 20.0
_LOOK_SECONDS = 0.2
_RESTART_PAUSE_SECONDS = 1.0
_EXIT_MISCONFIGURED = 2

Lifeline = Annotated[int | None, Parameter(show=False)]
Port = Annotated[int | None, Parameter(help="Port of the HTTP door (default 8080).")]
Host = Annotated[str | None, Parameter(help="Address to listen on (default 127.0.0.1).")]


def serve(*, host: Host = None, port: Port = None, where: Where = Where()) -> None:
    """Run the whole gateway: database, API and worker, until Ctrl-C."""
    settings = where.settings(host=host, port=port)
    logs.configure(settings)
    _require_free_port(settings)
    stop = _Stop()
    with ExitStack() as stack:
        postgres = None
        url = settings.database
        if not url:
            postgres = stack.enter_context(EmbeddedPostgres(settings.data_path))
            url = postgres.url
        asyncio.run(_register(settings, url))
        children = stack.enter_context(_children(where, settings, url))
        print(f"nonstopay {settings.mode} at {settings.public_url}", flush=True)
        while not stop.wanted:
            if postgres is not None:
                postgres.revive()
            for child in children:
                child.keep_alive()
            time.sleep(_LOOK_SECONDS)


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


async def _register(settings: Settings, url: str) -> None:
    await prepare(settings, url)
    db = await Database.open(url, min_size=1, max_size=1)
    try:
        await installation.say_where(db, local_url(settings))
    finally:
        await db.close()


async def _serve_api(settings: Settings, url: str, lifeline: int | None) -> None:
    if lifeline is None:
        await _register(settings, url)
    async with opened(settings, url) as gateway:
        served = application(gateway)
        server = _Server(
            uvicorn.Config(
                served,
                host=settings.host,
                port=settings.port,
                loop="uvloop",
                http="httptools",
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
        await server.serve()
        for task in (following, ending):
            task.cancel()


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
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(main)


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


class _Stop:
    """Whether somebody asked us to end."""

    def __init__(self) -> None:
        self.wanted = False
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, self._want)

    def _want(self, number: int, frame: FrameType | None) -> None:
        self.wanted = True


class _Child:
    """A process of the group that is started again when it dies."""

    def __init__(self, name: str, start: Callable[[], "subprocess.Popen[bytes]"]) -> None:
        self._name = name
        self._start = start
        self._process = start()
        self._started_at = time.monotonic()

    def keep_alive(self) -> None:
        """Start it again if it died; misconfigured, it says so itself and ends us all."""
        code = self._process.poll()
        if code is None:
            return
        if code == _EXIT_MISCONFIGURED:
            raise Misconfigured(f"the {self._name} process could not start")
        if time.monotonic() - self._started_at > _RESTART_PAUSE_SECONDS:
            self._process = self._start()
            self._started_at = time.monotonic()

    def end(self) -> None:
        self._process.terminate()

    def wait(self, seconds: float) -> None:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def _children(where: Where, settings: Settings, url: str) -> Any:
    """The API and the worker; ended in this order, so that the last answers are still delivered."""
    lifeline, ours = os.pipe()
    common = ["--lifeline", str(lifeline), *_same_place(where, settings, url)]
    address = ["--host", settings.host, "--port", str(settings.port)]

    def start(*words: str) -> Callable[[], "subprocess.Popen[bytes]"]:
        command = [sys.executable, "-m", "nonstopay", *words, *common]
        return lambda: subprocess.Popen(command, pass_fds=[lifeline])

    children = [_Child("api", start("api", *address)), _Child("worker", start("worker"))]
    try:
        yield children
    finally:
        for child in children:
            child.end()
        for child in children:
            child.wait(STOP_SECONDS)
        os.close(ours)
        os.close(lifeline)


def _same_place(where: Where, settings: Settings, url: str) -> list[str]:
    words = ["--data", str(settings.data_path), "--database", url]
    if where.config:
        words += ["--config", str(where.config)]
    return [*words, "--live"] if settings.live else words


def _require_free_port(settings: Settings) -> None:
    """Say at once that the port is taken, not from a child's log."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise Misconfigured(
                f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
                "is another gateway running? choose one with --port"
            ) from None
