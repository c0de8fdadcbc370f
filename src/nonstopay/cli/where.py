"""What every command shares: which installation it works on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from nonstopay import clock, config
from nonstopay.business.exchange.seed import seed
from nonstopay.config import Settings
from nonstopay.store import installation
from nonstopay.store.db import Database
from nonstopay.store.embedded import open_database
from nonstopay.store.migrate import migrate
from nonstopay.store.vault.keyring import keyring_of
from nonstopay.store.vault.vault import Vault

Port = Annotated[int | None, Parameter(help="Port of the HTTP door (default 8080).")]
Host = Annotated[str | None, Parameter(help="Address to listen on (default 127.0.0.1).")]


@Parameter(name="*")
@dataclass(frozen=True)
class Where:
    """Which installation.

    Parameters
    ----------
    data
        Folder of the embedded PostgreSQL and the sandbox's secret (default: nonstopay-data).
    database
        A postgresql:// URL instead of the embedded one.
    config
        A TOML file with settings.
    live
        Real money: no sandbox, strong secrets required.
    """

    data: str | None = None
    database: str | None = None
    config: Path | None = None
    live: Annotated[bool, Parameter(negative=())] = False

    def settings(self, **more: object) -> Settings:
        """The settings of this installation, with its secret key."""
        given = {"data": self.data, "database": self.database, **more}
        mode = {"mode": "live"} if self.live else {}
        loaded = config.load({**given, **mode}, os.environ, self.config)
        return installation.with_secret(loaded)


@contextmanager
def database_of(settings: Settings) -> Iterator[str]:
    """The URL of the installation's database, started for us if nobody runs it."""
    if settings.database:
        yield settings.database
    else:
        with open_database(settings.data_path) as url:
            yield url


async def prepare(settings: Settings, url: str) -> None:
    """Bring the database up to date and make sure that it is this installation's."""
    await migrate(url)
    db = await Database.open(url, min_size=1, max_size=2)
    try:
        await installation.register(db, settings)
        await Vault.unlock(db, keyring_of(settings), clock.now())
        await seed(db, sandbox=not settings.live)
    finally:
        await db.close()


async def register(settings: Settings, url: str) -> None:
    """Bring the database up to date, and say in it where this gateway is reached."""
    await prepare(settings, url)
    db = await Database.open(url, min_size=1, max_size=1)
    try:
        await installation.say_where(db, local_url(settings))
    finally:
        await db.close()


def local_url(settings: Settings) -> str:
    """Where this installation's HTTP is reached from this machine."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 compared, not bound
    host = anywhere.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{settings.port}"
