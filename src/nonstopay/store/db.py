"""The one door to PostgreSQL.

Three ways through it: `transaction()` to change things, `reading()` to look, and `HeldConnections`
for the few hot statements that must not pay for a pool.

A lost connection is `DatabaseUnavailable`; lost where a change may or may not have been committed,
it is `CommitUnknown`. Every other error of the database is asyncpg's own. A server that went away
and came back is found again without help: dead connections are replaced as they are met.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import asyncpg
import msgspec
from asyncpg.transaction import Transaction

from nonstopay import ids
from nonstopay.errors import CommitUnknown, DatabaseUnavailable, Misconfigured, TransactionOpen

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection  # generic for the type checker alone
Answer = TypeVar("Answer")

CONNECT_SECONDS = 10.0
_JSONB_VERSION = b"\x01"

_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)
_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ClientConfigurationError,
)
# asyncpg's words for a connection that died under it, and for using it wrongly too.
_CLIENT_SIDE = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


class _OpenTransaction:
    """Shared with the tasks begun inside it, so that they too know when it has ended."""

    ended = False


_transaction: ContextVar[_OpenTransaction | None] = ContextVar("transaction", default=None)


def in_transaction() -> bool:
    """Whether this task, or the one that began it, has a transaction open."""
    transaction = _transaction.get()
    return transaction is not None and not transaction.ended


def forbid_transaction(what: str) -> None:
    """Raise `TransactionOpen` inside a transaction; `what` is about to be done, e.g. `calling X`.

    Connectors call it before every network call: a transaction that waits for a stranger holds its
    locks for as long as the stranger likes, and cannot take back what the stranger did.
    """
    if in_transaction():
        raise TransactionOpen(f"{what} while a transaction is open")


class Database:
    """A pool of connections to one PostgreSQL database. Made by `open`."""

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", connect: Callable[[], Awaitable[Connection]]
    ) -> None:
        self._pool = pool
        self._connect = connect

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        min_size: int = 2,
        max_size: int = 12,
        statement_seconds: float = 30,
    ) -> Self:
        """Connect.

        Args:
            url: `postgresql://…`.
            min_size, max_size: connections in the pool, those of `HeldConnections` not counted.
            statement_seconds: a statement that runs longer is ended by the server; 0 means never.

        Raises:
            DatabaseUnavailable: nobody answers there.
            Misconfigured: the server knows no such database or role, or the URL is none.
        """
        options: dict[str, Any] = {
            "timeout": CONNECT_SECONDS,
            # The server ends a slow statement. This is for a server that has fallen silent.
            "command_timeout": statement_seconds + 5 if statement_seconds else None,
            "max_cached_statement_lifetime": 0,
            "server_settings": _session(statement_seconds),
        }

        async def connect() -> Connection:
            conn: Connection = await asyncpg.connect(url, **options)
            await _set_codecs(conn)
            return conn

        with _translated():
            pool = await asyncpg.create_pool(
                url,
                min_size=min_size,
                max_size=max_size,
                init=_set_codecs,
                reset=_leave_as_found,
                **options,
            )
        return cls(pool, connect)

    async def close(self) -> None:
        """Wait for the connections in use, then close all."""
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A READ COMMITTED transaction, on the connection it yields; an error rolls it back.

        Raises:
            TransactionOpen: there is one open already.
            CommitUnknown: the connection was lost between COMMIT and its answer.
            DatabaseUnavailable: it was lost before; nothing was changed.
        """
        async with self._borrowed("opening a transaction") as conn:
            transaction = conn.transaction(isolation="read_committed")
            await transaction.start()
            mark = _OpenTransaction()
            _transaction.set(mark)
            try:
                yield conn
            except BaseException:
                await _roll_back(conn, transaction)
                raise
            else:
                with _commit_unknown(conn):
                    await transaction.commit()
            finally:
                mark.ended = True

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection without a transaction: each statement is its own.

        Raises:
            TransactionOpen: inside a transaction, whose own connection is the one to read with:
                tasks that hold one and wait for a second bring the whole pool to a standstill.
        """
        async with self._borrowed("reading with a second connection") as conn:
            yield conn

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        async with self.reading() as conn:
            return await conn.fetch(sql, *arguments)

    async def fetchrow(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        async with self.reading() as conn:
            return await conn.fetchrow(sql, *arguments)

    async def fetchval(self, sql: str, *arguments: object) -> Any:
        async with self.reading() as conn:
            return await conn.fetchval(sql, *arguments)

    async def execute(self, sql: str, *arguments: object) -> str:
        """Run one statement in a transaction of its own; its status, e.g. `UPDATE 1`."""
        async with self._borrowed("executing on a second connection") as conn:
            with _commit_unknown(conn):
                return await conn.execute(sql, *arguments)

    async def connect(self) -> Connection:
        """A connection outside the pool, the caller's to close. Raises as `open`."""
        with _translated():
            return await self._connect()

    @asynccontextmanager
    async def _borrowed(self, what: str) -> AsyncIterator[Connection]:
        forbid_transaction(what)
        with _translated():
            conn = await self._pool.acquire(timeout=CONNECT_SECONDS)
        try:
            with _translated(cast(Connection, conn)):
                yield cast(Connection, conn)
        finally:
            await self._pool.release(conn)


class HeldConnections:
    """A few connections kept for one hot path, with its statements prepared.

    What runs on them is single statements, each its own transaction, always the same ones: so
    nothing is left behind that a pool would have to tidy up.

    Args:
        count: how many may be in use at once; they are opened when first needed.
    """

    def __init__(self, db: Database, *, count: int) -> None:
        self._db = db
        self._turn = asyncio.Semaphore(count)
        self._idle: list[Connection] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Connection]:
        """A connection for one statement.

        Raises:
            CommitUnknown: the connection was lost while it was in use.
            DatabaseUnavailable: there was none to be had; nothing was done.
        """
        async with self._turn:
            conn = await self._living()
            try:
                with _commit_unknown(conn):
                    yield conn
            finally:
                if conn.is_in_transaction():
                    conn.terminate()
                if not conn.is_closed():
                    self._idle.append(conn)

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()

    async def _living(self) -> Connection:
        while self._idle:
            conn = self._idle.pop()
            if not conn.is_closed():
                return conn
        return await self._db.connect()


async def retrying(change: Callable[[], Awaitable[Answer]], *, attempts: int = 4) -> Answer:
    """Do `change`, a whole transaction; again if PostgreSQL sacrificed it to break a deadlock."""
    for attempt in range(1, attempts):
        try:
            return await change()
        except _CONFLICTS:
            await asyncio.sleep(ids.random_fraction() * 0.02 * attempt)
    return await change()


@contextmanager
def _translated(conn: Connection | None = None) -> Iterator[None]:
    """Tell a lost connection from the other errors of a database."""
    try:
        yield
    except _REFUSED as error:
        if conn is not None:
            raise
        raise Misconfigured(f"the database does not let us in: {error}") from error
    except (asyncpg.PostgresError, *_CLIENT_SIDE) as error:
        if conn is not None and not _is_lost(error, conn):
            raise
        reason = str(error) or "no answer in time"
        raise DatabaseUnavailable(f"the database is not available: {reason}") from error


async def _roll_back(conn: Connection, transaction: Transaction) -> None:
    """Roll back, or hang up, which has the server do it: the caller hears his own error."""
    if _is_closed(conn):
        return
    try:
        await transaction.rollback()
    except (asyncpg.PostgresError, *_CLIENT_SIDE):
        conn.terminate()


@contextmanager
def _commit_unknown(conn: Connection) -> Iterator[None]:
    try:
        yield
    except (asyncpg.PostgresError, *_CLIENT_SIDE) as error:
        if not _is_lost(error, conn) and not isinstance(error, TimeoutError):
            raise
        raise CommitUnknown("the connection was lost before the database answered") from error


def _is_lost(error: Exception, conn: Connection) -> bool:
    return isinstance(error, _LOST) or (isinstance(error, _CLIENT_SIDE) and _is_closed(conn))


def _is_closed(conn: Connection) -> bool:
    try:
        return conn.is_closed()
    except asyncpg.InterfaceError:
        return True  # it is the pool's again, which takes a dead one back at once


def _session(statement_seconds: float) -> dict[str, str]:
    return {
        "application_name": "nonstopay",
        "timezone": "UTC",
        "jit": "off",
        "statement_timeout": str(round(statement_seconds * 1000)),
        "idle_in_transaction_session_timeout": "60000",
    }


async def _set_codecs(conn: Any) -> None:
    for name, prefix in (("json", b""), ("jsonb", _JSONB_VERSION)):
        await conn.set_type_codec(
            name,
            schema="pg_catalog",
            format="binary",
            encoder=lambda value, prefix=prefix: prefix + msgspec.json.encode(value),
            decoder=lambda data, prefix=prefix: msgspec.json.decode(data[len(prefix) :]),
        )


async def _leave_as_found(conn: Any) -> None:
    """In place of RESET ALL and its like, a round trip after every use: nobody changes a session.

    An open transaction asyncpg has rolled back by then.
    """
