"""What every test may lean on: a real PostgreSQL, emptied for each test, and a clock put right.

After the last one the artefacts of the run are searched for card numbers.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from nonstopay import clock
from nonstopay.card_number import hide_numbers
from nonstopay.store.db import Connection, Database
from nonstopay.store.embedded import EmbeddedPostgres
from nonstopay.store.migrate import migrate
from tests.artefacts import artefacts, pytest_runtest_logreport

__all__ = ["artefacts", "pytest_runtest_logreport"]  # pytest finds them here

_KEPT = ("schema_migration",)


def pytest_make_parametrize_id(val: object) -> str | None:
    """A test that is given a card number is called by its ends: names of tests are kept in reports."""
    if not isinstance(val, str) or hide_numbers(val) == val:
        return None
    digits = [at for at, sign in enumerate(val) if sign.isdigit()]
    hidden = {*digits[6:-4]}
    shown = "".join("x" if at in hidden else sign for at, sign in enumerate(val))
    return shown.encode("unicode_escape").decode()


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of this test run's own, reached as the gateway reaches it."""
    data: Path = tmp_path_factory.mktemp("gateway")
    with EmbeddedPostgres(data) as postgres:
        yield postgres.url


@pytest.fixture(scope="session")
async def migrated_url(database_url: str) -> str:
    await migrate(database_url)
    return database_url


@pytest.fixture
async def superuser(migrated_url: str) -> AsyncIterator[Connection]:
    """A connection that no privilege binds: what a tamperer or an operator's mistake could do."""
    conn = await asyncpg.connect(migrated_url.replace("nonstopay@", "postgres@", 1))
    yield conn
    await conn.close()


@pytest.fixture
async def database(migrated_url: str, superuser: Connection) -> AsyncIterator[Database]:
    """The gateway's database, empty, with all ids beginning at 1."""
    rows = await superuser.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL($1)",
        _KEPT,
    )
    tables = ", ".join(row["tablename"] for row in rows)
    await superuser.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    for row in await superuser.fetch("SELECT sequencename FROM pg_sequences"):
        await superuser.execute(f"ALTER SEQUENCE {row['sequencename']} RESTART")
    db = await Database.open(migrated_url, min_size=1, max_size=12)
    yield db
    await db.close()


@pytest.fixture(autouse=True)
def clock_put_right() -> Iterator[None]:
    """A test may move the clock; the next one finds it at the present."""
    yield
    clock.move_to_offset(timedelta(0))
