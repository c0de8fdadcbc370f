"""API keys: issued once in clear, kept as a hash, revoked everywhere within seconds."""

from datetime import datetime

from nonstopay import ids
from nonstopay.business.merchants import records
from nonstopay.errors import NotFound
from nonstopay.store.db import Connection

PREFIX_LENGTH = 16


async def issue(tx: Connection, merchant_id: int, *, mode: str, at: datetime) -> str:
    """A new key for the merchant, beside those he has. This is the only time it is seen in clear."""
    key = ids.api_key(mode)
    await records.insert_key(
        tx,
        merchant_id,
        key_hash=ids.api_key_hash(key),
        prefix=key[:PREFIX_LENGTH],
        last4=key[-4:],
        at=at,
    )
    return key


async def revoke(
    tx: Connection, merchant_id: int, *, prefix: str, last4: str, at: datetime
) -> None:
    """Revoke the key that begins with `prefix` and ends with `last4`, as the list shows them.

    Every process refuses it once its copy of the directory is older than two seconds.

    Raises:
        NotFound: the merchant has no such live key.
    """
    if not await records.revoke_key(tx, merchant_id, prefix, last4, at):
        raise NotFound(f"merchant {merchant_id} has no live key {prefix}…{last4}")
