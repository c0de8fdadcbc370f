"""The vault itself: keep a card, open it for a connector, forget it.

A number is sealed for its merchant and its row: moved elsewhere it does not open. The fingerprint is
an HMAC under a key of its own, which was made once, is kept sealed, and stays when other keys come and
go: equal numbers of one merchant are seen to be equal, those of two merchants are not.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Self

import asyncpg

from nonstopay import ids
from nonstopay.card_number import Brand, CardNumber
from nonstopay.errors import Conflict, Misconfigured, NotFound
from nonstopay.store.db import Connection, Database
from nonstopay.store.vault.card import Card, VaultedCard
from nonstopay.store.vault.keyring import NO_KEY, Keyring, Sealed

FINGERPRINT_CONTEXT = "vault_fingerprint_key"
_FINGERPRINT_KEY_BYTES = 32
_ATTEMPTS = 3
_USE_NOTED_EVERY = timedelta(days=1)
_SHOWN = "id, first6, last4, brand, expiry_month, expiry_year, fingerprint"


class Vault:
    """Made by `unlock`. Without any key it keeps nothing: `keep` and `open` raise `Misconfigured`."""

    def __init__(self, keyring: Keyring, fingerprint_key: bytes | None) -> None:
        self._keyring = keyring
        self._fingerprint_key = fingerprint_key

    @classmethod
    async def unlock(cls, db: Database, keyring: Keyring, at: datetime) -> Self:
        """The vault in `db`, opened with these keys; they are entered in its list.

        Raises:
            Misconfigured: a key in use is missing, or is another than it was.
        """
        async with db.transaction() as tx:
            if problem := await key_problem(tx, keyring):
                raise Misconfigured(problem)
            if not keyring:
                return cls(keyring, None)
            await _enter(tx, keyring, at)
            return cls(keyring, await _fingerprint_key(tx, keyring))

    async def keep(self, tx: Connection, merchant_id: int, card: Card, at: datetime) -> VaultedCard:
        """Put a card away. One that the merchant had before stays the same row, with the new expiry.

        Raises:
            Misconfigured: the vault has no key.
        """
        fingerprint = self.fingerprint(merchant_id, card.number)
        for _ in range(_ATTEMPTS):
            card_id = await tx.fetchval(
                "SELECT id FROM vault_card WHERE merchant_id = $1 AND fingerprint = $2",
                merchant_id,
                fingerprint,
            )
            if card_id is not None:
                row = await self._renew(tx, merchant_id, card_id, card, at)
            else:
                row = await self._insert(tx, merchant_id, fingerprint, card, at)
            if row is not None:  # else another put it there, or took it away, in this very moment
                return _vaulted(row)
        raise Conflict("the card is being forgotten")

    async def open(self, conn: Connection, merchant_id: int, card_id: int, at: datetime) -> Card:
        """The card in clear, for a connector; notes that it was used.

        Raises:
            NotFound: the merchant has no such card.
            SealBroken: the row was tampered with.
        """
        row = await conn.fetchrow(
            """SELECT expiry_month, expiry_year, key_id, number_sealed, holder_sealed, used_at
                 FROM vault_card WHERE merchant_id = $1 AND id = $2""",
            merchant_id,
            card_id,
        )
        if row is None:
            raise NotFound(f"merchant {merchant_id} has no card {card_id}")
        number = Sealed(row["key_id"], row["number_sealed"])
        holder = Sealed(row["key_id"], row["holder_sealed"])
        card = Card(
            number=CardNumber(
                self._keyring.open(number, number_context(merchant_id, card_id)).decode()
            ),
            expiry_month=row["expiry_month"],
            expiry_year=row["expiry_year"],
            holder=self._keyring.open(holder, holder_context(merchant_id, card_id)).decode(),
        )
        if row["used_at"] < at - _USE_NOTED_EVERY:
            await conn.execute(
                "UPDATE vault_card SET used_at = $3 WHERE merchant_id = $1 AND id = $2",
                merchant_id,
                card_id,
                at,
            )
        return card

    async def forget(self, tx: Connection, merchant_id: int, card_id: int) -> bool:
        """Delete a card; False if the merchant had no such card."""
        done = await tx.execute(
            "DELETE FROM vault_card WHERE merchant_id = $1 AND id = $2", merchant_id, card_id
        )
        return done != "DELETE 0"

    async def _insert(
        self, tx: Connection, merchant_id: int, fingerprint: bytes, card: Card, at: datetime
    ) -> asyncpg.Record | None:
        card_id = await tx.fetchval("SELECT nextval('vault_card_id')")
        return await tx.fetchrow(
            f"""INSERT INTO vault_card (merchant_id, id, number_sealed, holder_sealed, key_id,
                       expiry_month, expiry_year, used_at, kept_at, fingerprint, first6, last4,
                       brand)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12)
                ON CONFLICT (merchant_id, fingerprint) DO NOTHING
                RETURNING {_SHOWN}""",
            *self._sealed(merchant_id, card_id, card, at),
            fingerprint,
            card.number.first6,
            card.number.last4,
            card.number.brand,
        )

    async def _renew(
        self, tx: Connection, merchant_id: int, card_id: int, card: Card, at: datetime
    ) -> asyncpg.Record | None:
        return await tx.fetchrow(
            f"""UPDATE vault_card
                   SET number_sealed = $3, holder_sealed = $4, key_id = $5, expiry_month = $6,
                       expiry_year = $7, used_at = greatest(used_at, $8)
                 WHERE merchant_id = $1 AND id = $2
                RETURNING {_SHOWN}""",
            *self._sealed(merchant_id, card_id, card, at),
        )

    def _sealed(
        self, merchant_id: int, card_id: int, card: Card, at: datetime
    ) -> tuple[int, int, bytes, bytes, str, int, int, datetime]:
        """The parameters that a new row and a renewed one have in common."""
        number = self._keyring.seal(
            card.number.reveal().encode(), number_context(merchant_id, card_id)
        )
        holder = self._keyring.seal(card.holder.encode(), holder_context(merchant_id, card_id))
        assert number.key_id == holder.key_id
        expiry = card.expiry_month, card.expiry_year
        return merchant_id, card_id, number.blob, holder.blob, number.key_id, *expiry, at

    def fingerprint(self, merchant_id: int, number: CardNumber) -> bytes:
        """What is equal for equal numbers of one merchant. Raises as `keep`."""
        if self._fingerprint_key is None:
            raise Misconfigured(NO_KEY)
        message = f"{merchant_id}:{number.reveal()}".encode()
        return hmac.digest(self._fingerprint_key, message, hashlib.sha256)


def number_context(merchant_id: int, card_id: int) -> str:
    """What a card number is sealed for."""
    return f"vault_card:{merchant_id}:{card_id}:number"


def holder_context(merchant_id: int, card_id: int) -> str:
    """What a holder's name is sealed for."""
    return f"vault_card:{merchant_id}:{card_id}:holder"


async def key_problem(conn: Connection, keyring: Keyring) -> str | None:
    """What is wrong with the keys, for the operator; None if they open all that is in the vault."""
    ours = {key.id: key for key in keyring}
    for row in await conn.fetch("SELECT id, check_value FROM vault_key ORDER BY first_seen_at, id"):
        key = ours.get(row["id"])
        if key and not hmac.compare_digest(key.check_value, row["check_value"]):
            return f"vault key {key.id} is another than it was; a new key wants a new name"
        if key is None and await _is_in_use(conn, row["id"]):
            return f"vault key {row['id']} is missing from vault_keys, and there are cards that need it"
    return None


async def _is_in_use(conn: Connection, key_id: str) -> bool:
    """Whether a card needs the key: by itself, or through the key of the fingerprints."""
    by_a_card = "SELECT 1 FROM vault_card WHERE key_id = $1 LIMIT 1"
    by_fingerprints = "SELECT 1 FROM vault_fingerprint_key WHERE key_id = $1"
    if await conn.fetchval(by_a_card, key_id) is not None:
        return True
    if await conn.fetchval(by_fingerprints, key_id) is None:
        return False
    return await conn.fetchval("SELECT 1 FROM vault_card LIMIT 1") is not None


async def _enter(tx: Connection, keyring: Keyring, at: datetime) -> None:
    await tx.executemany(
        """INSERT INTO vault_key (id, check_value, first_seen_at) VALUES ($1, $2, $3)
           ON CONFLICT (id) DO NOTHING""",
        [(key.id, key.check_value, at) for key in keyring],
    )


async def _fingerprint_key(tx: Connection, keyring: Keyring) -> bytes:
    """The key of the fingerprints, made on first use; of two processes that make one, both use the first."""
    new = keyring.seal(ids.random_bytes(_FINGERPRINT_KEY_BYTES), FINGERPRINT_CONTEXT)
    await tx.execute(
        """INSERT INTO vault_fingerprint_key (key_id, sealed) VALUES ($1, $2)
           ON CONFLICT (single) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed
            WHERE vault_fingerprint_key.key_id <> ALL($3)""",  # no card needs the lost one
        new.key_id,
        new.blob,
        [key.id for key in keyring],
    )
    row = await tx.fetchrow("SELECT key_id, sealed FROM vault_fingerprint_key")
    assert row is not None
    return keyring.open(Sealed(row["key_id"], row["sealed"]), FINGERPRINT_CONTEXT)


def _vaulted(row: asyncpg.Record) -> VaultedCard:
    return VaultedCard(
        id=row["id"],
        first6=row["first6"],
        last4=row["last4"],
        brand=Brand(row["brand"]),
        expiry_month=row["expiry_month"],
        expiry_year=row["expiry_year"],
        fingerprint=row["fingerprint"],
    )
