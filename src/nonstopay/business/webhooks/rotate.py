"""Signing secrets: give a merchant or an endpoint a first one, or a new one while the old one still
signs along.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from nonstopay import ids
from nonstopay.business.webhooks import records, sign
from nonstopay.business.webhooks.delivery import EndpointKey
from nonstopay.business.webhooks.endpoint import SealedSecret, SecretKind
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
    *,
    endpoint_id: int | None = None,
) -> str:
    """Give the merchant, or one of his endpoints, a new signing secret; the first one too.

    An endpoint's first secret takes the place of the merchant's, which signs along there as any
    older secret does.

    Args:
        overlap: how long the secret before it signs along; zero for one that has leaked. Secrets
            before that one end as they were to, or then if that is sooner.

    Returns:
        The secret as the merchant must write it, `whsec_…`. It is shown once and kept sealed.

    Raises:
        InvalidInput: an overlap below zero or above seven days.
    """
    _check(overlap)
    secret = ids.signing_secret()
    if endpoint_id is not None:
        await _take_along(tx, sealer, (merchant_id, endpoint_id), now, overlap)
    await records.expire_secrets(tx, merchant_id, now + overlap, endpoint_id=endpoint_id)
    sealed = sealer.seal(secret.encode(), seal_context(merchant_id, endpoint_id))
    await records.insert_secret(tx, merchant_id, sealed, now, endpoint_id=endpoint_id)
    return secret


async def rotate_key(
    tx: Connection,
    sealer: Sealer,
    endpoint: EndpointKey,
    now: datetime,
    overlap: timedelta = OVERLAP,
) -> str:
    """Give an endpoint a new ed25519 key, its first one too: from now on it signs beside HMAC.

    Each endpoint has a key of its own: were it shared, a merchant could pass on what was signed for
    him, and another merchant would believe it.

    Returns:
        The public half, `whpk_…`.

    Raises:
        InvalidInput: as `rotate`.
    """
    _check(overlap)
    merchant_id, endpoint_id = endpoint
    key = sign.private_key(ids.random_bytes(sign.KEY_BYTES))
    kind = SecretKind.ED25519
    await records.expire_secrets(tx, merchant_id, now + overlap, endpoint_id=endpoint_id, kind=kind)
    sealed = sealer.seal(key.encode(), seal_context(merchant_id, endpoint_id))
    await records.insert_secret(tx, merchant_id, sealed, now, endpoint_id=endpoint_id, kind=kind)
    return sign.public_key(key)


async def want_key(
    tx: Connection, sealer: Sealer, endpoint: EndpointKey, wanted: bool, now: datetime
) -> None:
    """Sign by ed25519 beside HMAC from now on, or no more; a key that signs already stays."""
    found = await records.endpoint_secrets(tx, [endpoint], now)
    signs = any(one.kind is SecretKind.ED25519 for one in found.get(endpoint, []))
    if wanted and not signs:
        await rotate_key(tx, sealer, endpoint, now)
    elif not wanted:
        await remove_key(tx, endpoint, now)


async def remove_key(tx: Connection, endpoint: EndpointKey, now: datetime) -> None:
    """From now on sign by HMAC alone."""
    await records.expire_secrets(
        tx, endpoint[0], now, endpoint_id=endpoint[1], kind=SecretKind.ED25519
    )


def open_secrets(
    sealer: Sealer, merchant_id: int, sealed: Sequence[bytes], endpoint_id: int | None = None
) -> list[str]:
    """Secrets as they are written, in the same order. Raises `SealBroken`."""
    context = seal_context(merchant_id, endpoint_id)
    return [sealer.open(blob, context).decode() for blob in sealed]


def open_all(sealer: Sealer, endpoint: EndpointKey, secrets: Sequence[SealedSecret]) -> list[str]:
    """What signs for an endpoint, its own and its merchant's, in the same order.

    Raises:
        SealBroken: a blob that was changed or moved.
    """
    merchant_id, endpoint_id = endpoint
    return [
        open_secrets(sealer, merchant_id, [one.sealed], endpoint_id if one.own else None)[0]
        for one in secrets
    ]


def seal_context(merchant_id: int, endpoint_id: int | None = None) -> str:
    whose = str(merchant_id) if endpoint_id is None else f"{merchant_id}:{endpoint_id}"
    return f"webhook_secret:{whose}"


async def _take_along(
    tx: Connection, sealer: Sealer, endpoint: EndpointKey, now: datetime, overlap: timedelta
) -> None:
    """Let the merchant's newest secret sign along at an endpoint that has none of its own yet."""
    found = await records.endpoint_secrets(tx, [endpoint], now)
    newest = [one for one in found.get(endpoint, []) if one.kind is SecretKind.HMAC][:1]
    if not newest or newest[0].own or not overlap:
        return
    [secret] = open_all(sealer, endpoint, newest)
    sealed = sealer.seal(secret.encode(), seal_context(*endpoint))
    await records.insert_secret(
        tx, endpoint[0], sealed, now, endpoint_id=endpoint[1], expires_at=now + overlap
    )


def _check(overlap: timedelta) -> None:
    if not timedelta(0) <= overlap <= OVERLAP_MAX:
        raise InvalidInput("overlap", "secrets overlap for at most seven days")
