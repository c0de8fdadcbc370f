"""Idempotency keys: the same key and content is answered again, other content is refused.

A use of a key is a row keyed by (merchant, route, key), written in the transaction of what it did. Of
the parameters it keeps a keyed digest each: enough to say which ones differ, nothing to read back.
Source: the IETF draft "The Idempotency-Key HTTP Header Field"; 30 days are our own choice.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from nonstopay.store.db import Connection, Database

KEPT = timedelta(days=30)
KEY_LENGTH_MAX = 255
_DIGEST_BYTES = 12


@dataclass(frozen=True, slots=True)
class Use:
    """What a key was used for: the digests of the parameters, the object made, the stored answer;
    `answer_sealed` in its place where the answer holds a secret.
    """

    fields: dict[str, str]
    created_at: datetime
    object_id: int | None
    answer: str | None
    answer_sealed: bytes | None = None


def digest_fields(secret: bytes, fields: Mapping[str, object]) -> str:
    """The parameters as JSON text of keyed digests, by name; values are compared as parsed."""
    encode = msgspec.json.Encoder(order="deterministic").encode
    return encode(
        {
            name: hmac.digest(secret, encode(value), "sha256")[:_DIGEST_BYTES].hex()
            for name, value in sorted(fields.items())
        }
    ).decode()


def differing(first: Mapping[str, str], second: Mapping[str, str]) -> list[str]:
    """The names of parameters that differ, are missing or are new, in alphabetical order."""
    return sorted(
        name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
    )


async def find(conn: Connection, merchant_id: int, route: str, key: str) -> Use | None:
    """What the merchant used this key for on this route, if anything."""
    row = await conn.fetchrow(
        """SELECT fields::text AS fields, created_at, object_id, answer, answer_sealed
             FROM idempotency
            WHERE merchant_id = $1 AND route = $2 AND key = $3""",
        merchant_id,
        route,
        key,
    )
    if row is None:
        return None
    fields = msgspec.json.decode(row["fields"], type=dict[str, str])
    return Use(fields, row["created_at"], row["object_id"], row["answer"], row["answer_sealed"])


async def take(
    tx: Connection, merchant_id: int, route: str, key: str, fields: str, at: datetime
) -> bool:
    """Take the key for the caller's transaction; False if it was used before.

    Whoever comes with the same key meanwhile waits until this transaction has ended.
    """
    taken = await tx.fetchval(
        """INSERT INTO idempotency (merchant_id, route, key, fields, created_at)
           VALUES ($1, $2, $3, $4::text::jsonb, $5) ON CONFLICT DO NOTHING RETURNING true""",
        merchant_id,
        route,
        key,
        fields,
        at,
    )
    return taken is not None


async def remember_sealed(
    tx: Connection, merchant_id: int, route: str, key: str, answer: bytes
) -> None:
    """Keep an answer that holds a secret, sealed."""
    await tx.execute(
        """UPDATE idempotency SET answer_sealed = $4
            WHERE merchant_id = $1 AND route = $2 AND key = $3""",
        merchant_id,
        route,
        key,
        answer,
    )


async def remember_answer(
    conn: Connection,
    merchant_id: int,
    route: str,
    key: str,
    answer: str,
) -> None:
    """Keep the first answer, to be given again. A second one changes nothing."""
    await conn.execute(
        """UPDATE idempotency SET answer = $4
            WHERE merchant_id = $1 AND route = $2 AND key = $3 AND answer IS NULL""",
        merchant_id,
        route,
        key,
        answer,
    )


async def forget_old(db: Database, now: datetime) -> None:
    """Free the keys older than 30 days."""
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM idempotency WHERE created_at < $1", now - KEPT)
