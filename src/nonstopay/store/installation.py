"""What this installation is: its secret key, its mode, where it answers.

A sandbox makes its own secret key into its data folder. The database remembers a fingerprint of it:
starting with another key would open no sealed secret and break every payment link, so it is refused.
"""

import hashlib
import hmac
import os
from pathlib import Path
from typing import cast

import msgspec

from nonstopay import ids
from nonstopay.config import Settings, require_live_secret
from nonstopay.errors import Misconfigured
from nonstopay.store.db import Connection, Database

KEY_FILE = "secret.key"


def with_secret(settings: Settings) -> Settings:
    """The settings with a secret key: the one given, or the sandbox's own.

    Raises:
        Misconfigured: live with a weak key or none.
    """
    if settings.live:
        require_live_secret(settings)
    if settings.secret_key:
        return settings
    return msgspec.structs.replace(settings, secret_key=_own_key(settings.data_path))


async def register(db: Database, settings: Settings) -> None:
    """Enter this installation into an empty database, or check that it is the same one.

    Raises:
        Misconfigured: another secret key, or a sandbox's database used live.
    """
    keys = [settings.secret_key, *settings.previous_secret_keys]
    known = [_fingerprint(key) for key in keys]
    async with db.transaction() as tx:
        await tx.execute(
            """INSERT INTO installation (mode, key_fingerprint) VALUES ($1, $2)
               ON CONFLICT DO NOTHING""",
            settings.mode,
            known[0],
        )
        row = await tx.fetchrow("SELECT mode, key_fingerprint FROM installation")
        assert row is not None
        if row["mode"] != settings.mode:
            raise Misconfigured(f"this database belongs to a {row['mode']} installation")
        if not any(hmac.compare_digest(row["key_fingerprint"], one) for one in known):
            raise Misconfigured(
                "this database was made with another secret key; set NONSTOPAY_SECRET_KEY_FILE to it"
            )
        await tx.execute("UPDATE installation SET key_fingerprint = $1", known[0])


async def say_where(db: Database, api_url: str) -> None:
    """Tell the other processes where this installation's HTTP is reached from this machine."""
    await db.execute("UPDATE installation SET api_url = $1", api_url)


async def where(conn: Connection) -> str:
    """Where this installation's HTTP is reached; empty if none ever started."""
    return cast(str, await conn.fetchval("SELECT api_url FROM installation")) or ""


def _own_key(data: Path) -> str:
    """The key in the data folder, made on first use; of two that make one, both use the first."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = data / KEY_FILE
    if not file.exists():
        draft = data / f"{KEY_FILE}.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(ids.token(384))
        try:
            file.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return file.read_text().strip()


def _fingerprint(key: str) -> bytes:
    return hashlib.sha256(b"nonstopay key fingerprint\0" + key.encode()).digest()
