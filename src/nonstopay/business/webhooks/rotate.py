"""Signing secrets: give a merchant his first, or a new one while the old one still signs along."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from nonstopay import ids
from nonstopay.business.webhooks import records
from nonstopay.errors import InvalidInput
from nonstopay.store.db import Connection
from nonstopay.store.seal import Sealer

OVERLAP = timedelta(hours=24)
OVERLAP_MAX = timedelta(days=7)


async def rotate(
    tx: Connection,
    sealer: Sealer,
    merchant_id: int,
    now: datetime,
    overlap: timedelta = OVERLAP,
) -> str:
    """Give the merchant a new signing secret, his first one too.

    Args:
        overlap: how long the secret before it signs along; zero for one that has leaked. Secrets
            before that one end as they were to, or then if that is sooner.

    Returns:
        The secret as the merchant must write it, `whsec_…`. It is shown once and kept sealed.

    Raises:
        InvalidInput: an overlap below zero or above seven days.
    """
    if not timedelta(0) <= overlap <= OVERLAP_MAX:
        raise InvalidInput("overlap", "secrets overlap for at most seven days")
    secret = ids.signing_secret()
    await records.expire_secrets(tx, merchant_id, now + overlap)
    await records.insert_secret(
        tx, merchant_id, sealer.seal(secret.encode(), seal_context(merchant_id)), now
    )
    return secret


def open_secrets(sealer: Sealer, merchant_id: int, sealed: Sequence[bytes]) -> list[str]:
    """Secrets as they are written, in the same order. Raises `SealBroken`."""
    return [sealer.open(blob, seal_context(merchant_id)).decode() for blob in sealed]


def seal_context(merchant_id: int) -> str:
    return f"webhook_secret:{merchant_id}"
