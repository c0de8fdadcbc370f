"""`nonstopay serve`: the whole gateway, a small supervisor and its processes in one group.

It keeps the embedded PostgreSQL, the API processes (all on one port) and one worker,
starts again what dies, and ends all of them in order. Its children hold a lifeline, a
pipe whose other end dies with it, so that none is left behind by a kill -9.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from nonstopay.business.deposits.connect import has_own_chains
from nonstopay.cli import logs
from nonstopay.cli.chains import sandbox_chains
from nonstopay.cli.where import Host, Port, Where, register
from nonstopay.config import Settings
from nonstopay.errors import Misconfigured
from nonstopay.store.embedded import EmbeddedPostgres

STOP_SECONDS = 20.0
_LOOK_SECONDS = 0.2
_RESTART_PAUSE_SECONDS = 1.0
_EXIT_MISCONFIGURED = 2
SIGNER = "signer"


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
        revive_chains = stack.enter_context(sandbox_chains(settings))
        asyncio.run(register(settings, url))
        children = stack.enter_context(_children(where, settings, url))
        print(f"nonstopay {settings.mode} at {settings.public_url}", flush=True)
        while not stop.wanted:
            if postgres is not None:
                postgres.revive()
            revive_chains()
            for child in children:
                child.keep_alive()
            time.sleep(_LOOK_SECONDS)


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
def _children(where: Where, settings: Settings, url: str) -> Iterator[list["_Child"]]:
    """The APIs and the worker; ended in this order, so that the last answers are still delivered."""
    lifeline, ours = os.pipe()
    common = ["--lifeline", str(lifeline), *_same_place(where, settings)]
    address = ["--host", settings.host, "--port", str(settings.port)]

    def start(*words: str) -> Callable[[], "subprocess.Popen[bytes]"]:
        command = [sys.executable, "-m", "nonstopay", *words, *common]
        if words[0] != SIGNER:  # it has no business with the database
            command += ["--database", url]
        return lambda: subprocess.Popen(command, pass_fds=[lifeline])

    children = [_Child("api", start("api", *address)) for _ in range(settings.api_count)]
    children.append(_Child("worker", start("worker")))
    if _runs_signer(settings):
        children.append(_Child(SIGNER, start(SIGNER)))
    try:
        yield children
    finally:
        for child in children:
            child.end()
        for child in children:
            child.wait(STOP_SECONDS)
        os.close(ours)
        os.close(lifeline)


def _runs_signer(settings: Settings) -> bool:
    """With a key of its own, or in the sandbox that has chains; not where one runs elsewhere."""
    if settings.signer_socket:
        return False
    return bool(settings.signer_key_file) or has_own_chains(settings)


def _same_place(where: Where, settings: Settings) -> list[str]:
    words = ["--data", str(settings.data_path)]
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
