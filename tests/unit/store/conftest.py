"""One embedded PostgreSQL for the tests of this folder, with a fresh database for each test."""

from collections.abc import AsyncIterator, Iterator
from itertools import count

import asyncpg
import pytest

from nonstopay.store.embedded import EmbeddedPostgres

_numbers = count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("store") / "data") as running:
        yield running


@pytest.fixture
async def url(server: EmbeddedPostgres) -> AsyncIterator[str]:
    """The URL of an empty database, owned by the role that the gateway logs in as."""
    name = f"test_{next(_numbers)}"
    superuser = await asyncpg.connect(
        server.url.replace("nonstopay@/nonstopay", "postgres@/postgres")
    )
    await superuser.execute(f"CREATE DATABASE {name} OWNER nonstopay")
    yield server.url.replace("@/nonstopay", f"@/{name}")
    await superuser.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await superuser.close()
