"""A PostgreSQL of our own: started with the gateway, ended with it, reached by a unix socket only.

Who holds the lock on `<data>/gateway.lock` supervises the server; everybody else on the machine
who needs the database while it runs is a guest, and attaches. A killed supervisor leaves at most a
server that is shutting down: whoever gets the lock next waits for its end.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from nonstopay.errors import DatabaseUnavailable, LawBroken
from nonstopay.store.postgres_binaries import find_binaries
from nonstopay.store.postgres_cluster import Cluster, Postmaster, environment

__all__ = ["EmbeddedPostgres", "find_binaries", "open_database"]

LOCK_SECONDS = 30.0
READY_SECONDS = 300.0  # recovery after a crash may have much to replay
STOP_SECONDS = 60.0
GUESTS_SECONDS = 60.0
CHILDREN_SECONDS = 10.0
LOG_BYTES_MAX = 10_000_000
_STEP_SECONDS = 0.005
_CHILDREN_AT_WORK = "pre-existing shared memory block"


class EmbeddedPostgres:
    """The supervisor of the PostgreSQL in `data`; a context manager that starts and stops it.

    Its methods block, the first start for about a second, later ones far less. On Linux `start` and
    `revive` must be called by the main thread: the server lives as long as its starting thread.
    """

    def __init__(self, data: Path) -> None:
        self._cluster = Cluster(data)
        self._lock: int | None = None
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """The folder, absolute."""
        return self._cluster.data

    @property
    def url(self) -> str:
        """For asyncpg: database and role `nonstopay`, over the socket."""
        return _url(str(self._cluster.socket_folder()))

    @classmethod
    def attach(cls, data: Path) -> str:
        """The URL of the server that another process supervises in `data`.

        Raises:
            DatabaseUnavailable: none runs there, or it is not ready yet.
        """
        cluster = Cluster(data)
        if (running := _supervised(cluster)) is None:
            raise DatabaseUnavailable(f"no database is running in {cluster.data}")
        return _url(running.socket_folder)

    def start(self) -> None:
        """Have the server running and ready; the first time, make the cluster.

        Raises:
            DatabaseUnavailable: another process supervises this folder and goes on doing so, or the
                server does not start; says what it said.
            Misconfigured: there are no programs to run, or nobody to run them as.
        """
        _make_private(self._cluster.data)
        _until(self._take_lock, LOCK_SECONDS, f"another process runs in {self._cluster.data}")
        try:
            self._start_locked()
        except BaseException:
            self.stop()
            raise

    def try_start(self) -> bool:
        """Start unless another process supervises this folder; whether we do."""
        _make_private(self._cluster.data)
        if not self._take_lock():
            return False
        self.start()
        return True

    def revive(self) -> bool:
        """If the server we supervise has died, start it again; whether it had."""
        if self._server is None or self._server.poll() is None:
            return False
        self._start_locked()
        return True

    def stop(self) -> None:
        """End the server in good order, then let others supervise. Does nothing where none runs."""
        if self._server is not None:
            _end_child(self._server)
            self._server = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _take_lock(self) -> bool:
        if self._lock is None:
            self._lock = _try_lock(self._cluster.data / "gateway.lock", fcntl.LOCK_EX)
        return self._lock is not None

    def _start_locked(self) -> None:
        if sys.platform == "linux" and threading.current_thread() is not threading.main_thread():
            raise LawBroken(
                "PostgreSQL must be started by the main thread; it ends with its starter"
            )
        binaries = find_binaries()
        _end_predecessor(self._cluster)
        if not self._cluster.exists():
            self._cluster.create(binaries)
        self._cluster.write_access_rules()
        self._cluster.disown_stale_pid()
        _until(
            lambda: self._launch(binaries),
            CHILDREN_SECONDS,
            "children of a killed PostgreSQL are still at work",
        )

    def _launch(self, binaries: Path) -> bool:
        """Start the server until it is ready; False if a dead one's children are in the way."""
        log_start = _begin_log(self._cluster.log)
        with self._cluster.log.open("ab") as log:
            self._server = subprocess.Popen(
                self._cluster.server_command(binaries),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
                cwd="/",
                start_new_session=True,  # Ctrl-C at a terminal is for us, not for the database
            )
        deadline = time.monotonic() + READY_SECONDS
        while self._server.poll() is None:
            running = self._cluster.postmaster()
            if running and running.ready and running.pid == self._server.pid:
                return True
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(f"PostgreSQL is not ready; see {self._cluster.log}")
            time.sleep(_STEP_SECONDS)
        said = self._cluster.log.read_bytes()[log_start:].decode(errors="replace").strip()
        if _CHILDREN_AT_WORK in said:
            return False
        raise DatabaseUnavailable(f"PostgreSQL did not start: {said[-600:]}")


@contextmanager
def open_database(data: Path) -> Iterator[str]:
    """The URL of the database in `data`, for a command: as a guest, or with a server of its own.

    A server of its own is stopped at the end, when guests that came meanwhile have gone.

    Raises:
        DatabaseUnavailable, Misconfigured: as `EmbeddedPostgres.start`.
    """
    own = EmbeddedPostgres(data)
    cluster = Cluster(data)
    deadline = time.monotonic() + LOCK_SECONDS
    while not own.try_start():
        with _guest(cluster.data, fcntl.LOCK_SH) as welcome:
            if welcome and (running := _supervised(cluster)):
                yield _url(running.socket_folder)
                return
        if time.monotonic() > deadline:
            raise DatabaseUnavailable(f"the database in {cluster.data} does not get ready")
        time.sleep(_STEP_SECONDS)
    try:
        yield own.url
    finally:
        with _last_one_out(cluster.data):
            own.stop()


def _url(socket_folder: str) -> str:
    return f"postgresql://nonstopay@/nonstopay?host={quote(socket_folder, safe='/')}"


def _make_private(data: Path) -> None:
    data.mkdir(mode=0o700, parents=True, exist_ok=True)


def _supervised(cluster: Cluster) -> Postmaster | None:
    """The server in `cluster` if it is ready and a living process holds the lock on it."""
    if not (cluster.data / "gateway.lock").exists():
        return None
    free = _try_lock(cluster.data / "gateway.lock", fcntl.LOCK_SH)
    if free is not None:
        os.close(free)
        return None
    running = cluster.postmaster()
    return running if running and running.ready else None


def _try_lock(file: Path, kind: int) -> int | None:
    """An open descriptor that holds the lock, or None where another process has it.

    The operating system takes a dead process's lock away, so no lock is ever stale.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def _guest(data: Path, kind: int) -> Iterator[bool]:
    descriptor = _try_lock(data / "guests.lock", kind)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def _last_one_out(data: Path) -> Iterator[None]:
    """Wait for the guests to leave, for a while, and keep the door shut for new ones."""
    deadline = time.monotonic() + GUESTS_SECONDS
    while True:
        with _guest(data, fcntl.LOCK_EX) as alone:
            if alone or time.monotonic() > deadline:
                yield
                return
        time.sleep(_STEP_SECONDS)


def _end_predecessor(cluster: Cluster) -> None:
    """Wait for the end of a server whose supervisor is dead, telling it to end."""
    for order, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, CHILDREN_SECONDS)):
        deadline = time.monotonic() + seconds
        if (running := cluster.postmaster()) is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.pid, order)
        while time.monotonic() < deadline:
            if cluster.postmaster() is None:
                return
            time.sleep(_STEP_SECONDS)
    raise DatabaseUnavailable(f"an older PostgreSQL in {cluster.folder} does not end")


def _end_child(server: subprocess.Popen[bytes]) -> None:
    """Fast shutdown: sessions are cut, everything is written. Cut harder, it recovers at start."""
    for order in (signal.SIGINT, signal.SIGQUIT):
        server.send_signal(order)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(STOP_SECONDS)
            return
    server.kill()
    server.wait()


def _begin_log(log: Path) -> int:
    """Put a log that has grown large aside; how many bytes the log has now."""
    log.touch(mode=0o600)
    size = log.stat().st_size
    if size < LOG_BYTES_MAX:
        return size
    log.replace(log.with_name(log.name + ".1"))
    return 0


def _until(done: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise DatabaseUnavailable(otherwise)
        time.sleep(_STEP_SECONDS)
