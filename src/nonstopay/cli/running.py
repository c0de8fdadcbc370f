"""The installation whose gateway runs now, for commands that make no sense without it."""

from nonstopay.cli.outsiders import Door
from nonstopay.config import Settings
from nonstopay.errors import DatabaseUnavailable, Unavailable
from nonstopay.store import installation
from nonstopay.store.db import Database
from nonstopay.store.embedded import EmbeddedPostgres


def running_database(settings: Settings) -> str:
    """The URL of the database that a running gateway uses.

    Raises:
        DatabaseUnavailable: no gateway runs on the embedded one.
    """
    if settings.database:
        return settings.database
    try:
        return EmbeddedPostgres.attach(settings.data_path)
    except DatabaseUnavailable as error:
        raise DatabaseUnavailable(f"{error}; start it with: nonstopay serve") from None


async def running_door(db: Database) -> Door:
    """The HTTP door of the gateway that runs on this database; not entered yet.

    Raises:
        Unavailable: none runs, or it is not ready.
    """
    async with db.reading() as conn:
        url = await installation.where(conn)
    if not url:
        raise Unavailable("no gateway ever ran on this database; start it with: nonstopay serve")
    async with Door(url) as door:
        status, _ = await door.ask("GET", "/health/ready")
    if status != 200:
        raise Unavailable(f"the gateway at {url} is not ready (status {status})")
    return Door(url)
