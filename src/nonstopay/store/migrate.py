"""Migrations: plain SQL files `0001_name.sql`, applied in order, forward only.

What was applied is written in `schema_migration` with the SHA-256 of its file, so an edited file is
noticed. A file runs in one transaction with its entry there: it is applied wholly or not at all.

A file whose first line is `-- no-transaction` runs outside of one, for what PostgreSQL allows only
there (CREATE INDEX CONCURRENTLY). It holds a single statement, and one that bears being run again:
if we die between it and its entry, it will be.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from nonstopay import clock
from nonstopay.errors import DatabaseUnavailable, Misconfigured
from nonstopay.store.db import Connection

FOLDER = Path(__file__).with_name("migrations")
TURN_SECONDS = 120.0
_LOCK = 0x6E6F6E73746F7061  # "nonstopa"
_STEP_SECONDS = 0.05
_FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `0007_add_refunds.sql` has version 7 and name `0007_add_refunds`."""

    version: int
    name: str
    sql: str
    checksum: str

    @property
    def in_transaction(self) -> bool:
        return self.sql.splitlines()[:1] != ["-- no-transaction"]


async def migrate(database: str | Connection, folder: Path = FOLDER) -> list[str]:
    """Apply what is not applied yet, and return the names of what was.

    Any number of processes may do so at once: one applies, the others wait and find nothing to do.

    Args:
        database: a URL, or a connection with no transaction open.
        folder: where the files are.

    Raises:
        Misconfigured: the files and the database do not belong together: a gap, an edited file,
            or a database newer than this program.
        DatabaseUnavailable: another process has been migrating for two minutes.
        asyncpg.PostgresError: PostgreSQL refused a file; those before it stay applied.
    """
    migrations = read_folder(folder)
    async with _connected(database) as conn, _alone(conn):
        await conn.execute(
            """CREATE TABLE IF NOT EXISTS schema_migration (
                   version    integer PRIMARY KEY,
                   name       text NOT NULL,
                   checksum   text NOT NULL,
                   applied_at timestamptz NOT NULL
               )"""
        )
        missing = await _missing(conn, migrations)
        for migration in missing:
            await _apply(conn, migration)
        return [migration.name for migration in missing]


async def pending(database: str | Connection, folder: Path = FOLDER) -> list[str]:
    """The names of the files that are not applied yet. Raises `Misconfigured` as `migrate` does."""
    migrations = read_folder(folder)
    async with _connected(database) as conn:
        return [migration.name for migration in await _missing(conn, migrations)]


def read_folder(folder: Path) -> list[Migration]:
    """The migrations in `folder` in their order; `Misconfigured` for a gap or a misnamed file."""
    migrations = [_read(file) for file in sorted(folder.glob("*.sql"))]
    for expected, migration in enumerate(migrations, start=1):
        if migration.version != expected:
            raise Misconfigured(
                f"migration {migration.name} stands where number {expected} should be"
            )
    return migrations


def _read(file: Path) -> Migration:
    match = _FILE_NAME.fullmatch(file.name)
    if match is None:
        raise Misconfigured(f"{file.name} is not named like a migration, 0001_name.sql")
    content = file.read_bytes()
    checksum = hashlib.sha256(content).hexdigest()
    return Migration(int(match[1]), file.stem, content.decode(), checksum)


@asynccontextmanager
async def _connected(database: str | Connection) -> AsyncIterator[Connection]:
    if not isinstance(database, str):
        yield database
        return
    try:
        conn = await asyncpg.connect(
            database, server_settings={"application_name": "nonstopay migrate"}
        )
    except (OSError, asyncpg.CannotConnectNowError) as error:
        raise DatabaseUnavailable(f"cannot reach the database: {error}") from error
    try:
        yield conn
    finally:
        await conn.close()


@asynccontextmanager
async def _alone(conn: Connection) -> AsyncIterator[None]:
    """Hold the migrators' lock.

    We ask again and again instead of waiting in PostgreSQL: whoever waits there holds a snapshot,
    and CREATE INDEX CONCURRENTLY in the process that has the lock would wait for it for ever.
    """
    try:
        async with asyncio.timeout(TURN_SECONDS):
            while not await conn.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110
                await asyncio.sleep(_STEP_SECONDS)
    except TimeoutError:
        raise DatabaseUnavailable("another process is migrating this database") from None
    try:
        yield
    finally:
        if not conn.is_closed():
            await conn.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def _missing(conn: Connection, migrations: Sequence[Migration]) -> list[Migration]:
    applied = await _applied(conn)
    known = {migration.version for migration in migrations}
    if newer := [name for version, (name, _) in applied.items() if version not in known]:
        raise Misconfigured(
            f"the database is newer than this program, which does not know {newer[0]}"
        )
    for migration in migrations[: len(applied)]:
        if migration.version not in applied:
            raise Misconfigured(f"{migration.name} was never applied, though later migrations were")
        if applied[migration.version][1] != migration.checksum:
            raise Misconfigured(
                f"{migration.name} was edited after it had been applied; "
                "restore it and write a new migration"
            )
    return list(migrations[len(applied) :])


async def _applied(conn: Connection) -> dict[int, tuple[str, str]]:
    """Name and checksum of what was applied, by version."""
    if await conn.fetchval("SELECT to_regclass('schema_migration')") is None:
        return {}
    rows = await conn.fetch("SELECT version, name, checksum FROM schema_migration ORDER BY version")
    return {row["version"]: (row["name"], row["checksum"]) for row in rows}


async def _apply(conn: Connection, migration: Migration) -> None:
    if not migration.in_transaction:
        await conn.execute(migration.sql)
        await _enter(conn, migration)
        return
    async with conn.transaction():
        # A change of a table in use queues behind its readers, and everybody queues behind the
        # change: better to fail and be tried again. Its own work may take as long as it takes.
        await conn.execute("SET LOCAL lock_timeout = '10s'")
        await conn.execute("SET LOCAL statement_timeout = 0")
        await conn.execute(migration.sql)
        await _enter(conn, migration)


async def _enter(conn: Connection, migration: Migration) -> None:
    await conn.execute(
        """INSERT INTO schema_migration (version, name, checksum, applied_at)
           VALUES ($1, $2, $3, $4)""",
        migration.version,
        migration.name,
        migration.checksum,
        clock.now(),
    )
