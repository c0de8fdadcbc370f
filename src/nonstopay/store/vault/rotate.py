"""Sealing everything anew with the newest key, in small steps, while cards come and go.

Nothing is unreadable at any moment: a row changes from one key to the other in one statement, and every
process has both keys. A row that somebody renewed meanwhile is left as he wrote it. What is done is
done: after a crash the next run goes on with what is left.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from nonstopay.store.db import Connection, Database
from nonstopay.store.seal import SealBroken
from nonstopay.store.vault.keyring import Keyring, Sealed
from nonstopay.store.vault.vault import FINGERPRINT_CONTEXT, holder_context, number_context

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rotation came.

    Attributes:
        resealed: cards sealed anew in this run.
        left: cards still under another key than the newest.
        unreadable: of those, the ones that no key opens, as merchant and card.
    """

    resealed: int
    left: int
    unreadable: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A key that the vault has seen.

    Attributes:
        cards: how many it seals.
        fingerprints: whether it seals the key of the fingerprints.
        ours: whether the settings name it.
        newest: whether it is the one that seals.
    """

    id: str
    cards: int
    fingerprints: bool
    ours: bool
    newest: bool
    first_seen_at: datetime

    @property
    def may_be_retired(self) -> bool:
        return self.ours and not (self.newest or self.cards or self.fingerprints)


async def rotate(
    db: Database, keyring: Keyring, *, at_once: int = AT_ONCE
) -> AsyncIterator[Progress]:
    """Seal everything with the newest key; yields after each step, and lastly when nothing is left.

    Args:
        at_once: cards in one transaction.
    """
    await _reseal_fingerprint_key(db, keyring)
    left = sum(use.cards for use in await key_uses(db, keyring) if not use.newest)
    resealed, unreadable = 0, set[tuple[int, int]]()
    for key in keyring:
        place = (0, 0)
        while key.id != keyring.newest:
            async with db.transaction() as tx:
                rows = await _next(tx, key.id, place, at_once)
                broken = await _reseal(tx, keyring, rows)
            if not rows:
                break
            place = rows[-1]["merchant_id"], rows[-1]["id"]
            unreadable |= broken
            resealed += len(rows) - len(broken)
            yield Progress(resealed, max(left - resealed, len(unreadable)), _sorted(unreadable))
    left = sum(use.cards for use in await key_uses(db, keyring) if not use.newest)
    yield Progress(resealed, left, _sorted(unreadable))


async def key_uses(db: Database, keyring: Keyring) -> list[KeyUse]:
    """Every key that the vault has seen, the newest first, then by age."""
    rows = await db.fetch(
        """SELECT k.id, k.first_seen_at, coalesce(c.cards, 0) AS cards,
                  EXISTS (SELECT FROM vault_fingerprint_key f WHERE f.key_id = k.id) AS fingerprints
             FROM vault_key k
             LEFT JOIN (SELECT key_id, count(*) AS cards FROM vault_card GROUP BY key_id) c
               ON c.key_id = k.id
            ORDER BY k.first_seen_at DESC, k.id"""
    )
    uses = [
        KeyUse(
            id=row["id"],
            cards=row["cards"],
            fingerprints=row["fingerprints"],
            ours=row["id"] in keyring,
            newest=bool(keyring) and row["id"] == keyring.newest,
            first_seen_at=row["first_seen_at"],
        )
        for row in rows
    ]
    return sorted(uses, key=lambda use: not use.newest)


async def _next(
    tx: Connection, key_id: str, after: tuple[int, int], limit: int
) -> list[asyncpg.Record]:
    return await tx.fetch(
        """SELECT merchant_id, id, key_id, number_sealed, holder_sealed FROM vault_card
            WHERE key_id = $1 AND (merchant_id, id) > ($2, $3)
            ORDER BY merchant_id, id LIMIT $4""",
        key_id,
        *after,
        limit,
    )


async def _reseal(
    tx: Connection, keyring: Keyring, rows: list[asyncpg.Record]
) -> set[tuple[int, int]]:
    """Seal these rows with the newest key, and return those that do not open."""
    broken, changes = set(), []
    for row in rows:
        try:
            changes.append(_resealed(keyring, row))
        except SealBroken:
            broken.add((row["merchant_id"], row["id"]))
    await tx.executemany(
        """UPDATE vault_card SET number_sealed = $3, holder_sealed = $4, key_id = $5
            WHERE merchant_id = $1 AND id = $2 AND number_sealed = $6 AND holder_sealed = $7""",
        changes,
    )
    return broken


def _resealed(
    keyring: Keyring, row: asyncpg.Record
) -> tuple[int, int, bytes, bytes, str, bytes, bytes]:
    merchant_id, card_id, key_id = row["merchant_id"], row["id"], row["key_id"]
    before = row["number_sealed"], row["holder_sealed"]
    contexts = number_context(merchant_id, card_id), holder_context(merchant_id, card_id)
    number, holder = (
        keyring.seal(keyring.open(Sealed(key_id, blob), context), context)
        for blob, context in zip(before, contexts, strict=True)
    )
    return merchant_id, card_id, number.blob, holder.blob, number.key_id, *before


async def _reseal_fingerprint_key(db: Database, keyring: Keyring) -> None:
    async with db.transaction() as tx:
        row = await tx.fetchrow("SELECT key_id, sealed FROM vault_fingerprint_key")
        if row is None or row["key_id"] == keyring.newest:
            return
        key = keyring.open(Sealed(row["key_id"], row["sealed"]), FINGERPRINT_CONTEXT)
        new = keyring.seal(key, FINGERPRINT_CONTEXT)
        await tx.execute(
            "UPDATE vault_fingerprint_key SET key_id = $1, sealed = $2 WHERE sealed = $3",
            new.key_id,
            new.blob,
            row["sealed"],
        )


def _sorted(cards: set[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(cards))
