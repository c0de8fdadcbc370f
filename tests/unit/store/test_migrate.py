"""Migrations are applied once, in order, wholly; what does not fit together is refused."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from nonstopay.errors import DatabaseUnavailable, Misconfigured
from nonstopay.store import migrate as module
from nonstopay.store.migrate import FOLDER, migrate, pending


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_shelf.sql").write_text("CREATE TABLE shelf (id int PRIMARY KEY);")
    (tmp_path / "0002_book.sql").write_text(
        "CREATE TABLE book (id int, shelf int REFERENCES shelf);\nINSERT INTO shelf VALUES (1);"
    )
    return tmp_path


async def test_what_is_missing_is_applied_in_order_and_once(url: str, folder: Path) -> None:
    assert await pending(url, folder) == ["0001_shelf", "0002_book"]
    assert await migrate(url, folder) == ["0001_shelf", "0002_book"]
    assert await pending(url, folder) == []
    assert await migrate(url, folder) == []

    (folder / "0003_page.sql").write_text("CREATE TABLE page (id int);")
    assert await pending(url, folder) == ["0003_page"]
    assert await migrate(url, folder) == ["0003_page"]


async def test_it_works_on_the_callers_connection_too(url: str, folder: Path) -> None:
    conn = await asyncpg.connect(url)

    assert len(await migrate(conn, folder)) == 2
    assert await conn.fetchval("SELECT id FROM shelf") == 1
    await conn.close()


async def test_the_list_says_what_and_when(url: str, folder: Path) -> None:
    await migrate(url, folder)

    conn = await asyncpg.connect(url)
    rows = await conn.fetch("SELECT * FROM schema_migration ORDER BY version")
    await conn.close()
    assert [(row["version"], row["name"]) for row in rows] == [(1, "0001_shelf"), (2, "0002_book")]
    assert all(len(row["checksum"]) == 64 and row["applied_at"].tzinfo for row in rows)


async def test_a_file_is_applied_wholly_or_not_at_all(url: str, folder: Path) -> None:
    broken = folder / "0003_broken.sql"
    broken.write_text("CREATE TABLE half (id int); SELECT nothing FROM nowhere;")
    with pytest.raises(asyncpg.UndefinedTableError):
        await migrate(url, folder)
    assert await pending(url, folder) == ["0003_broken"]

    broken.write_text("CREATE TABLE half (id int);")
    assert await migrate(url, folder) == ["0003_broken"]


async def test_many_processes_at_once_apply_each_file_once(url: str, folder: Path) -> None:
    (folder / "0003_slow.sql").write_text("SELECT pg_sleep(0.2);")

    outcomes = await asyncio.gather(*(migrate(url, folder) for _ in range(5)))

    assert sorted(map(len, outcomes)) == [0, 0, 0, 0, 3]


async def test_an_index_is_made_concurrently_while_others_wait(url: str, folder: Path) -> None:
    """Waiting inside PostgreSQL for the lock would stop the index from ever getting finished."""
    (folder / "0003_index.sql").write_text(
        "-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS book_shelf ON book (shelf);"
    )

    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(*(migrate(url, folder) for _ in range(3)))

    assert sorted(map(len, outcomes)) == [0, 0, 3]


async def test_who_does_not_get_a_turn_says_so(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TURN_SECONDS", 0.1)
    (folder / "0003_slow.sql").write_text("SELECT pg_sleep(1);")
    first = asyncio.create_task(migrate(url, folder))
    await asyncio.sleep(0.3)

    with pytest.raises(DatabaseUnavailable, match="another process is migrating"):
        await migrate(url, folder)
    assert len(await first) == 3


async def test_an_edited_file_is_refused(url: str, folder: Path) -> None:
    await migrate(url, folder)
    (folder / "0001_shelf.sql").write_text("CREATE TABLE shelf (id bigint PRIMARY KEY);")

    for act in (migrate, pending):
        with pytest.raises(Misconfigured, match="0001_shelf was edited"):
            await act(url, folder)


async def test_a_database_newer_than_the_program_is_refused(url: str, folder: Path) -> None:
    await migrate(url, folder)
    (folder / "0002_book.sql").unlink()

    with pytest.raises(Misconfigured, match=r"newer than this program.*0002_book"):
        await migrate(url, folder)


async def test_a_gap_in_the_list_is_refused(url: str, folder: Path) -> None:
    await migrate(url, folder)
    conn = await asyncpg.connect(url)
    await conn.execute("DELETE FROM schema_migration WHERE version = 1")
    await conn.close()

    with pytest.raises(Misconfigured, match="0001_shelf was never applied"):
        await migrate(url, folder)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("0004_later.sql", "where number 3 should be"),
        ("0002_twin.sql", "where number 3 should be"),
        ("3_short.sql", "not named like a migration"),
    ],
)
async def test_files_out_of_order_are_refused(
    url: str, folder: Path, name: str, complaint: str
) -> None:
    (folder / name).write_text("SELECT 1;")

    with pytest.raises(Misconfigured, match=complaint):
        await migrate(url, folder)


async def test_nobody_at_home(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(DatabaseUnavailable):
        await migrate(f"postgresql://nonstopay@/nonstopay?host={tmp_path}", folder)


async def test_our_own_migrations_fit_a_fresh_database(url: str) -> None:
    applied = await migrate(url)

    assert applied == [file.stem for file in sorted(FOLDER.glob("*.sql"))] != []
    assert await pending(url) == []
