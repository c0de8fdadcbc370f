"""The door to PostgreSQL: transactions, reading, held connections, and what if nobody is there."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest

from nonstopay.errors import CommitUnknown, DatabaseUnavailable, Misconfigured, TransactionOpen
from nonstopay.store.db import (
    Database,
    HeldConnections,
    forbid_transaction,
    in_transaction,
    retrying,
)
from nonstopay.store.embedded import EmbeddedPostgres
from nonstopay.store.postgres_cluster import Cluster

_END_ALL_OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                      WHERE datname = current_database() AND pid <> pg_backend_pid()"""


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    database = await Database.open(url, min_size=1, max_size=4)
    await database.execute("CREATE TABLE note (number int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    yield database
    await database.close()


async def test_a_transaction_writes_all(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO note VALUES (1)")
        await tx.execute("INSERT INTO note VALUES (2)")
        assert await tx.fetchval("SHOW transaction_isolation") == "read committed"

    assert await db.fetchval("SELECT count(*) FROM note") == 2


async def test_an_error_takes_all_of_it_back(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO note VALUES (1)")
            raise ZeroDivisionError

    assert await db.fetch("SELECT * FROM note") == []
    assert not in_transaction()


async def test_a_cancelled_task_takes_all_of_it_back(db: Database) -> None:
    async def change() -> None:
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO note VALUES (1)")
            await tx.execute("SELECT pg_sleep(30)")

    task = asyncio.create_task(change())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await db.fetchval("SELECT count(*) FROM note") == 0


async def test_a_refused_commit_is_the_databases_own_error(db: Database) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO note VALUES (1), (1)")

    assert await db.fetchrow("SELECT * FROM note") is None


async def test_the_network_is_out_of_bounds_inside_a_transaction(db: Database) -> None:
    forbid_transaction("calling the bank")
    async with db.transaction():
        assert in_transaction()
        with pytest.raises(TransactionOpen, match="calling the bank while a transaction is open"):
            forbid_transaction("calling the bank")
    forbid_transaction("calling the bank")


async def test_tasks_begun_inside_a_transaction_are_inside_it(db: Database) -> None:
    """Handing the network call to another task does not make the locks any shorter."""
    closed = asyncio.Event()

    async def look() -> tuple[bool, bool]:
        inside = in_transaction()
        await closed.wait()
        return inside, in_transaction()

    async with db.transaction():
        task = asyncio.create_task(look())
        await asyncio.sleep(0)
    closed.set()

    assert await task == (True, False)


async def test_a_transaction_has_one_connection(db: Database) -> None:
    async with db.transaction():
        with pytest.raises(TransactionOpen):
            async with db.transaction():
                pass
        with pytest.raises(TransactionOpen):
            await db.fetchval("SELECT 1")
        with pytest.raises(TransactionOpen):
            await db.execute("SELECT 1")


async def test_values_come_back_as_what_they_are(db: Database) -> None:
    facts = {"amount": "19.99", "tags": ["a", None], "nested": {"n": 2**60}}
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, timezone(timedelta(hours=5)))

    row = await db.fetchrow(
        "SELECT $1::jsonb AS b, $1::json AS j, $2::numeric AS n, $3::timestamptz AS t",
        facts,
        Decimal("0.000000000000000001"),
        moment,
    )

    assert row is not None
    assert row["b"] == row["j"] == facts
    assert row["n"] == Decimal("0.000000000000000001")
    assert row["t"] == moment
    assert row["t"].tzinfo == UTC


async def test_sessions_are_set_for_a_gateway(db: Database) -> None:
    async with db.reading() as conn:
        for name, value in {
            "application_name": "nonstopay",
            "jit": "off",
            "TimeZone": "UTC",
            "statement_timeout": "30s",
        }.items():
            assert await conn.fetchval("SELECT current_setting($1)", name) == value


async def test_a_statement_that_takes_too_long_is_ended(url: str) -> None:
    hasty = await Database.open(url, min_size=1, max_size=1, statement_seconds=0.1)
    with pytest.raises(asyncpg.QueryCanceledError):
        await hasty.fetchval("SELECT pg_sleep(5)")
    assert await hasty.fetchval("SELECT 1") == 1
    await hasty.close()


async def test_a_lost_connection_is_one_clear_error_and_then_it_heals(
    db: Database, url: str
) -> None:
    with pytest.raises(DatabaseUnavailable) as lost:  # noqa: PT012
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO note VALUES (1)")
            await _end_all_others(url)
            await tx.execute("INSERT INTO note VALUES (2)")

    assert lost.value.transient
    assert not in_transaction()
    assert await db.fetchval("SELECT count(*) FROM note") == 0


async def test_a_connection_lost_at_commit_leaves_us_in_doubt(db: Database, url: str) -> None:
    with pytest.raises(CommitUnknown):  # noqa: PT012
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO note VALUES (1)")
            await _end_all_others(url)


async def test_errors_of_the_caller_are_his_own_even_then(db: Database, url: str) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with db.transaction():
            await _end_all_others(url)
            raise ZeroDivisionError


async def test_a_full_pool_says_so_in_time(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small = await Database.open(url, min_size=1, max_size=1)
    monkeypatch.setattr("nonstopay.store.db.CONNECT_SECONDS", 0.1)
    async with small.reading():
        with pytest.raises(DatabaseUnavailable, match="no answer in time"):
            await asyncio.create_task(small.fetchval("SELECT 1"))
    assert await small.fetchval("SELECT 1") == 1
    await small.close()


async def test_a_session_left_in_a_transaction_is_not_given_to_the_next(db: Database) -> None:
    async with db.reading() as conn:
        await conn.execute("BEGIN")
        await conn.execute("INSERT INTO note VALUES (1)")

    assert await db.fetchval("SELECT count(*) FROM note") == 0
    async with db.reading() as conn:
        assert not conn.is_in_transaction()


async def test_nobody_at_home(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable):
        await Database.open(f"postgresql://nonstopay@/nonstopay?host={tmp_path}")


async def test_a_database_that_does_not_exist_is_the_operators_affair(url: str) -> None:
    with pytest.raises(Misconfigured, match="does not exist"):
        await Database.open(url.replace("@/test_", "@/no_test_"))


async def test_a_restarted_server_is_found_again(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "data") as postgres:
        db = await Database.open(postgres.url, min_size=2, max_size=2)
        held = HeldConnections(db, count=1)
        async with held.one() as conn:
            await conn.execute("CREATE TABLE note (number int)")

        server = Cluster(tmp_path / "data").postmaster()
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            while not postgres.revive():  # noqa: ASYNC110 - nobody tells us of a death
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)

        async with held.one() as conn:
            await conn.execute("INSERT INTO note VALUES (1)")
        assert await db.fetchval("SELECT number FROM note") == 1
        await held.close()
        await db.close()


async def test_held_connections_are_used_again(db: Database) -> None:
    held = HeldConnections(db, count=2)
    backends = set()
    for _ in range(5):
        async with held.one() as conn:
            backends.add(await conn.fetchval("SELECT pg_backend_pid()"))
    assert len(backends) == 1
    await held.close()


async def test_no_more_are_in_use_than_there_are(db: Database) -> None:
    held = HeldConnections(db, count=2)
    in_use, most = 0, 0

    async def work() -> None:
        nonlocal in_use, most
        async with held.one() as conn:
            in_use += 1
            most = max(most, in_use)
            await conn.fetchval("SELECT pg_sleep(0.02)")
            in_use -= 1

    await asyncio.gather(*(work() for _ in range(8)))
    assert most == 2
    await held.close()


async def test_a_held_connection_lost_in_use_leaves_us_in_doubt(db: Database, url: str) -> None:
    held = HeldConnections(db, count=1)
    with pytest.raises(CommitUnknown):  # noqa: PT012
        async with held.one() as conn:
            await conn.fetchval("SELECT 1")
            await _end_all_others(url)
            await conn.execute("INSERT INTO note VALUES (1)")

    with pytest.raises(asyncpg.UndefinedTableError):
        async with held.one() as conn:
            await conn.fetchval("SELECT * FROM nowhere")
    async with held.one() as conn:
        assert await conn.fetchval("SELECT 1") == 1
    await held.close()


async def test_deadlocks_are_tried_again(db: Database) -> None:
    await db.execute("INSERT INTO note VALUES (1), (2)")
    both_have_one = asyncio.Barrier(2)
    tries = 0

    async def lock(first: int, second: int) -> None:
        nonlocal tries
        tries += 1
        async with db.transaction() as tx:
            await tx.execute("SELECT 1 FROM note WHERE number = $1 FOR UPDATE", first)
            if tries <= 2:
                await both_have_one.wait()
            await tx.execute("SELECT 1 FROM note WHERE number = $1 FOR UPDATE", second)

    await asyncio.gather(retrying(lambda: lock(1, 2)), retrying(lambda: lock(2, 1)))

    assert tries == 3


async def _end_all_others(url: str) -> None:
    conn = await asyncpg.connect(url)
    await conn.execute(_END_ALL_OTHERS)
    await conn.close()
