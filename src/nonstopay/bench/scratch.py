"""A gateway to measure: a PostgreSQL and an API process of our own, gone afterwards.

Nothing here knows the real installation. The scratch folder lies on the disk that one wants to know.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from nonstopay import clock, config
from nonstopay.bench.pgbench import Pgbench
from nonstopay.business.exchange.seed import seed
from nonstopay.business.merchants import change, keys
from nonstopay.business.merchants.change import Changes
from nonstopay.config import PREFIX, Settings
from nonstopay.errors import LawBroken
from nonstopay.store import installation
from nonstopay.store.db import Connection, Database
from nonstopay.store.embedded import EmbeddedPostgres
from nonstopay.store.migrate import migrate

READY_SECONDS = 30.0
STOP_SECONDS = 20.0
_HOST = "127.0.0.1"
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True, slots=True)
class Scratch:
    """An installation without an API, and an open door to its database."""

    folder: Path
    settings: Settings
    url: str
    pgbench: Pgbench

    async def open_database(self, connections: int = 4) -> Database:
        return await Database.open(self.url, min_size=1, max_size=connections, statement_seconds=0)

    async def rest(self) -> None:
        """Write out what lies in memory, so that no round pays for the one before it."""
        conn = await _superuser(self.url)
        try:
            await conn.execute("CHECKPOINT")
        finally:
            await conn.close()


@dataclass(frozen=True, slots=True)
class Customer:
    """A merchant of the scratch gateway, and the API key with which he calls."""

    merchant_id: int
    api_key: str


@contextmanager
def scratch(near: Path) -> Iterator[Scratch]:
    """A scratch installation in a folder of its own inside `near`; ended and removed afterwards.

    Must be entered by the main thread, on which the database's life hangs.
    """
    near.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="nonstopay-bench-", dir=near))
    try:
        given = {"data": str(folder / "data"), "host": _HOST, "port": _free_port()}
        settings = installation.with_secret(config.load(given, {}))
        with EmbeddedPostgres(settings.data_path) as postgres:
            asyncio.run(_prepare(settings, postgres.url))
            yield Scratch(folder, settings, postgres.url, Pgbench(postgres.url, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def api_processes(scratch: Scratch) -> Iterator[None]:
    """As many API processes of the scratch installation as `nonstopay serve` would start."""
    with ExitStack() as stack:
        for _ in range(scratch.settings.api_count):
            stack.enter_context(api_process(scratch))
        yield


@contextmanager
def api_process(scratch: Scratch) -> Iterator[None]:
    """One API process of the scratch installation, until the port answers."""
    lifeline, ours = os.pipe()
    command = [sys.executable, "-m", "nonstopay", "api", "--lifeline", str(lifeline)]
    command += ["--data", scratch.settings.data, "--database", scratch.url]
    command += ["--host", scratch.settings.host, "--port", str(scratch.settings.port)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    process = subprocess.Popen(command, pass_fds=[lifeline], env=environment)
    try:
        _wait_until_it_listens(process, scratch.settings.port)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(lifeline)
        os.close(ours)


async def new_customer(db: Database, settings: Settings) -> Customer:
    """A merchant who may create invoices from this machine."""
    at = clock.now()
    changes = Changes(networks=[_HOST], active=True)
    async with db.transaction() as tx:
        merchant_id = await change.create(
            tx, email="bench@example.com", name="Bench", changes=changes, at=at
        )
        return Customer(merchant_id, await keys.issue(tx, merchant_id, mode=settings.mode, at=at))


async def _prepare(settings: Settings, url: str) -> None:
    await migrate(url)
    db = await Database.open(url, min_size=1, max_size=1)
    try:
        await installation.register(db, settings)
        await seed(db)
        await _require_durable(db)
    finally:
        await db.close()


async def _require_durable(db: Database) -> None:
    """An acknowledgement that a loss of power takes back is no acknowledgement."""
    for name in _DURABLE:
        value = await db.fetchval("SELECT current_setting($1)", name)
        if value != "on":
            raise LawBroken(f"PostgreSQL runs with {name} = {value}: nothing to measure")


async def _superuser(url: str) -> Connection:
    conn: Connection = await asyncpg.connect(url.replace("nonstopay@", "postgres@", 1))
    return conn


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise LawBroken(f"the API process ended with status {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex((_HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise LawBroken("the API process does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
