"""The pretend bank's memory of card payments: the only SQL that touches it."""

from datetime import datetime

from asyncpg import Record

from nonstopay.errors import NotFound
from nonstopay.money import Money, fiat
from nonstopay.sandbox.card.cards import Authentication
from nonstopay.sandbox.card.payment import Act, ActKind, Payment, Status
from nonstopay.store.db import Connection, Database


async def insert(tx: Connection, payment: Payment) -> bool:
    """Remember a new payment; false if its reference is known already."""
    row = await tx.fetchrow(
        """INSERT INTO sandbox_card_payment (reference, id, amount_minor, currency, capture, card,
                  first6, last4, payee_name, note, return_url, notify_url, created_at, status,
                  status_at, code, authentication, challenge, ends_at, dispute_at,
                  authorised_minor, captured_minor)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                   $19, $20, $21, $22)
           ON CONFLICT (reference) DO NOTHING RETURNING true""",
        payment.reference,
        payment.id,
        payment.amount.minor,
        payment.amount.currency.code,
        payment.capture,
        payment.card,
        payment.first6,
        payment.last4,
        payment.payee_name,
        payment.note,
        payment.return_url,
        payment.notify_url,
        payment.created_at,
        payment.status,
        payment.status_at,
        payment.code,
        payment.authentication,
        payment.challenge,
        payment.ends_at,
        payment.dispute_at,
        payment.authorised.minor,
        payment.captured.minor,
    )
    return row is not None


async def lock(tx: Connection, reference: str) -> Payment:
    """The payment with this reference, held until the transaction ends.

    Raises:
        NotFound: the bank never heard of it.
    """
    row = await tx.fetchrow(
        "SELECT * FROM sandbox_card_payment WHERE reference = $1 FOR UPDATE", reference
    )
    if row is None:
        raise NotFound("the bank knows no payment with this reference")
    return _payment(row)


async def reference_of_challenge(tx: Connection, challenge: str) -> str:
    """The reference of the payment whose holder is asked at this address.

    Raises:
        NotFound: nobody is.
    """
    row = await tx.fetchrow(
        "SELECT reference FROM sandbox_card_payment WHERE challenge = $1", challenge
    )
    if row is None:
        raise NotFound("no payment is confirmed at this address: open the link from the shop again")
    return str(row["reference"])


async def reference_of_note(tx: Connection, note: str) -> str:
    """The reference of the newest payment with this note that was ever captured.

    Raises:
        NotFound: there is none.
    """
    row = await tx.fetchrow(
        """SELECT reference FROM sandbox_card_payment WHERE note = $1 AND captured_minor > 0
            ORDER BY created_at DESC LIMIT 1""",
        note,
    )
    if row is None:
        raise NotFound(f"no card payment for {note} was captured by the sandbox bank")
    return str(row["reference"])


async def save(tx: Connection, payment: Payment) -> None:
    """Write what may have changed of a payment that the caller has locked."""
    await tx.execute(
        """UPDATE sandbox_card_payment
              SET status = $2, status_at = $3, code = $4, authentication = $5, ends_at = $6,
                  dispute_at = $7, authorised_minor = $8, captured_minor = $9, voided_minor = $10,
                  refunded_minor = $11, charged_back_minor = $12
            WHERE reference = $1""",
        payment.reference,
        payment.status,
        payment.status_at,
        payment.code,
        payment.authentication,
        payment.ends_at,
        payment.dispute_at,
        payment.authorised.minor,
        payment.captured.minor,
        payment.voided.minor,
        payment.refunded.minor,
        payment.charged_back.minor,
    )


async def due(db: Database, now: datetime, limit: int) -> list[str]:
    """References of payments that something should have happened to by now."""
    rows = await db.fetch(
        """SELECT reference FROM sandbox_card_payment
            WHERE ends_at <= $1 OR dispute_at <= $1 LIMIT $2""",
        now,
        limit,
    )
    return [row["reference"] for row in rows]


async def act_of(tx: Connection, payment: Payment, key: str) -> Act | None:
    """What was done with this key, if anything."""
    row = await tx.fetchrow(
        """SELECT kind, id, amount_minor, final, at FROM sandbox_card_act
            WHERE reference = $1 AND key = $2""",
        payment.reference,
        key,
    )
    if row is None:
        return None
    return Act(
        kind=ActKind(row["kind"]),
        key=key,
        id=row["id"],
        amount=Money(row["amount_minor"], payment.amount.currency),
        final=row["final"],
        at=row["at"],
    )


async def insert_act(tx: Connection, payment: Payment, act: Act) -> None:
    """Remember what was done."""
    await tx.execute(
        """INSERT INTO sandbox_card_act (reference, key, kind, id, amount_minor, final, at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        payment.reference,
        act.key,
        act.kind,
        act.id,
        act.amount.minor,
        act.final,
        act.at,
    )


def _payment(row: Record) -> Payment:
    currency = fiat(row["currency"])
    return Payment(
        reference=row["reference"],
        id=row["id"],
        amount=Money(row["amount_minor"], currency),
        capture=row["capture"],
        card=row["card"],
        first6=row["first6"],
        last4=row["last4"],
        payee_name=row["payee_name"],
        note=row["note"],
        return_url=row["return_url"],
        notify_url=row["notify_url"],
        created_at=row["created_at"],
        status=Status(row["status"]),
        status_at=row["status_at"],
        code=row["code"],
        authentication=Authentication(row["authentication"]),
        challenge=row["challenge"],
        ends_at=row["ends_at"],
        dispute_at=row["dispute_at"],
        authorised=Money(row["authorised_minor"], currency),
        captured=Money(row["captured_minor"], currency),
        voided=Money(row["voided_minor"], currency),
        refunded=Money(row["refunded_minor"], currency),
        charged_back=Money(row["charged_back_minor"], currency),
    )
