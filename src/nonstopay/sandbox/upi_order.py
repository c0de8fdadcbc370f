"""An order in the pretend bank's memory, and the only SQL that touches it."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from asyncpg import Record

from nonstopay.errors import NotFound
from nonstopay.money import Money, fiat
from nonstopay.store.db import Connection, Database

INR = fiat("INR")
NOTHING = Money(0, INR)
MERCHANT_CODE = "5399"
HANDLE = "nonstopay"


class Status(StrEnum):
    """The bank's words for an order, as its answers and notifications spell them."""

    CREATED = "created"
    PROCESSING = "processing"
    CAPTURED = "captured"
    DECLINED = "declined"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpiOrder:
    """What the bank knows of an order.

    Attributes:
        reference: the gateway's name for it, and its idempotency key.
        id: the bank's; 22 letters and digits, the `tr` of the link.
        code: NPCI's response code of a refusal.
        utr: the network's number of the transfer, 12 digits, once captured.
        settles_as, settles_at: what it will become by itself, and when; `quietly`: without telling.
    """

    reference: str
    id: str
    amount: Money
    payee_name: str
    payee_address: str
    note: str
    notify_url: str
    created_at: datetime
    expires_at: datetime
    status: Status
    status_at: datetime
    code: str | None = None
    utr: str | None = None
    settles_as: Status | None = None
    settles_at: datetime | None = None
    settle_quietly: bool = False
    refunded: Money = NOTHING

    def facts(self) -> dict[str, Any]:
        """The order as the bank's answers and notifications show it."""
        return {
            "id": self.id,
            "reference": self.reference,
            "status": self.status,
            "amount": self.amount.text(),
            "currency": self.amount.currency.code,
            "code": self.code,
            "utr": self.utr,
            "refunded": self.refunded.text(),
            "at": self.status_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A refund that was carried out."""

    id: str
    key: str
    amount: Money
    utr: str
    at: datetime

    def facts(self) -> dict[str, Any]:
        """The refund as the bank's answers show it."""
        return {
            "id": self.id,
            "key": self.key,
            "status": "refunded",
            "amount": self.amount.text(),
            "currency": self.amount.currency.code,
            "utr": self.utr,
            "at": self.at.isoformat(),
        }


def address_of(payee_name: str) -> str:
    """A virtual payment address for a payee: `Acme Toys` is `acmetoys@nonstopay`."""
    return f"{re.sub('[^a-z0-9]', '', payee_name.lower())[:40] or 'shop'}.pay@{HANDLE}"


async def is_known(tx: Connection, reference: str) -> bool:
    row = await tx.fetchrow("SELECT FROM sandbox_upi_order WHERE reference = $1", reference)
    return row is not None


async def insert(tx: Connection, order: UpiOrder) -> None:
    """Remember a new order; nothing if the reference is known already."""
    await tx.execute(
        """INSERT INTO sandbox_upi_order (reference, id, amount_minor, payee_name, payee_address,
                  note, notify_url, created_at, expires_at, status, status_at,
                  settles_as, settles_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
           ON CONFLICT (reference) DO NOTHING""",
        order.reference,
        order.id,
        order.amount.minor,
        order.payee_name,
        order.payee_address,
        order.note,
        order.notify_url,
        order.created_at,
        order.expires_at,
        order.status,
        order.status_at,
        order.settles_as,
        order.settles_at,
    )


async def lock(tx: Connection, reference: str) -> UpiOrder:
    """The order with this reference, held until the transaction ends.

    Raises:
        NotFound: the bank never heard of it.
    """
    row = await tx.fetchrow(
        "SELECT * FROM sandbox_upi_order WHERE reference = $1 FOR UPDATE", reference
    )
    if row is None:
        raise NotFound("the bank knows no order with this reference")
    return _order(row)


async def reference_of(tx: Connection, id: str) -> str:
    """The reference of the order whose link carries this `tr`.

    Raises:
        NotFound: no order has this id.
    """
    row = await tx.fetchrow("SELECT reference FROM sandbox_upi_order WHERE id = $1", id)
    if row is None:
        raise NotFound("this link's tr belongs to no order of the sandbox bank: take a fresh link")
    return str(row["reference"])


async def save(tx: Connection, order: UpiOrder) -> None:
    """Write what may have changed of an order that the caller has locked."""
    await tx.execute(
        """UPDATE sandbox_upi_order
              SET status = $2, status_at = $3, code = $4, utr = $5, settles_as = $6,
                  settles_at = $7, settle_quietly = $8, refunded_minor = $9
            WHERE reference = $1""",
        order.reference,
        order.status,
        order.status_at,
        order.code,
        order.utr,
        order.settles_as,
        order.settles_at,
        order.settle_quietly,
        order.refunded.minor,
    )


async def due(db: Database, now: datetime, limit: int) -> list[str]:
    """References of orders that should have moved by now, the longest due first."""
    rows = await db.fetch(
        """SELECT reference FROM sandbox_upi_order
            WHERE settles_at <= $1 ORDER BY settles_at LIMIT $2""",
        now,
        limit,
    )
    return [row["reference"] for row in rows]


async def refund_of(tx: Connection, reference: str, key: str) -> Refund | None:
    """The refund that was made with this key, if any."""
    row = await tx.fetchrow(
        """SELECT id, key, amount_minor, utr, at FROM sandbox_upi_refund
            WHERE reference = $1 AND key = $2""",
        reference,
        key,
    )
    if row is None:
        return None
    amount = Money(row["amount_minor"], INR)
    return Refund(id=row["id"], key=row["key"], amount=amount, utr=row["utr"], at=row["at"])


async def insert_refund(tx: Connection, reference: str, refund: Refund) -> None:
    """Remember a refund that was carried out."""
    await tx.execute(
        """INSERT INTO sandbox_upi_refund (reference, key, id, amount_minor, utr, at)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        reference,
        refund.key,
        refund.id,
        refund.amount.minor,
        refund.utr,
        refund.at,
    )


async def next_utr(tx: Connection, at: datetime) -> str:
    """A fresh transfer number: last digit of the year, day of the year, a counter's 8 digits."""
    row = await tx.fetchrow("SELECT nextval('sandbox_upi_transfer') AS number")
    assert row is not None
    return f"{at.year % 10}{at:%j}{row['number'] % 10**8:08d}"


def _order(row: Record) -> UpiOrder:
    return UpiOrder(
        reference=row["reference"],
        id=row["id"],
        amount=Money(row["amount_minor"], INR),
        payee_name=row["payee_name"],
        payee_address=row["payee_address"],
        note=row["note"],
        notify_url=row["notify_url"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        status=Status(row["status"]),
        status_at=row["status_at"],
        code=row["code"],
        utr=row["utr"],
        settles_as=Status(row["settles_as"]) if row["settles_as"] else None,
        settles_at=row["settles_at"],
        settle_quietly=row["settle_quietly"],
        refunded=Money(row["refunded_minor"], INR),
    )
