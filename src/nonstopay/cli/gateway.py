"""The assembled gateway, for commands that act on the installation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nonstopay.business.assembly import Gateway, assemble
from nonstopay.cli.where import local_url
from nonstopay.config import Settings
from nonstopay.store import installation
from nonstopay.store.db import Database


@asynccontextmanager
async def opened(settings: Settings, url: str) -> AsyncIterator[Gateway]:
    """The assembled gateway over a database that is up to date."""
    gateway = await assemble(settings, url, api_url=await _api_url(settings, url))
    try:
        yield gateway
    finally:
        await gateway.close()


async def _api_url(settings: Settings, url: str) -> str:
    db = await Database.open(url, min_size=1, max_size=1)
    try:
        async with db.reading() as conn:
            return await installation.where(conn) or local_url(settings)
    finally:
        await db.close()
