"""The only SQL of payments. The merchant comes first."""

from decimal import Decimal
from typing import Any, cast

import asyncpg
import msgspec

from nonstopay.business.payments.payment import News, Payment
from nonstopay.business.payments.states import IN_DOUBT, State
from nonstopay.connectors.outcome import Reason
from nonstopay.money import Money, currency_of, fiat, own_exponent
from nonstopay.store.db import Connection

# An older QR may be paid after a newer one was shown: its doubt, and its money, come first.
_WHAT_COUNTS = """state = 'captured' DESC,
    state IN ('processing', 'unknown', 'authorised', 'voiding') DESC, id DESC"""

ONE = Decimal(1)
"""The rate of a payment in the invoice's own currency."""


async def next_id(conn: Connection) -> int:
    return cast(int, await conn.fetchval("SELECT nextval('payment_id')"))


async def insert(tx: Connection, payment: Payment) -> None:
    """A new attempt, and its reference, which no other payment of any merchant can have."""
    await tx.execute(
        """INSERT INTO payment (merchant_id, id, invoice_id, method, connector, reference, state,
               version, direct, currency, amount_minor, charged_currency, charged_minor, rate,
               rate_source, rate_at, started_at, state_at, expires_at, by_hand, charged_exponent)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18,
                   $19, $20)""",
        payment.merchant_id,
        payment.id,
        payment.invoice_id,
        payment.method,
        payment.connector,
        payment.reference,
        payment.state,
        payment.version,
        payment.direct,
        payment.amount.currency.code,
        payment.amount.minor,
        payment.charged.currency.code,
        payment.charged.minor,
        payment.rate,
        payment.rate_source,
        payment.rate_at,
        payment.started_at,
        payment.expires_at,
        payment.by_hand,
        own_exponent(payment.charged.currency),
    )
    await claim_reference(tx, payment, payment.connector, payment.reference)


async def claim_reference(tx: Connection, payment: Payment, realm: str, reference: str) -> int:
    """Tie a reference to this payment; the id of the payment it belongs to, which may be another."""
    await tx.execute(
        """INSERT INTO payment_reference (connector, reference, merchant_id, payment_id)
           VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING""",
        realm,
        reference,
        payment.merchant_id,
        payment.id,
    )
    return cast(
        int,
        await tx.fetchval(
            "SELECT payment_id FROM payment_reference WHERE connector = $1 AND reference = $2",
            realm,
            reference,
        ),
    )


def providers_own(connector: str) -> str:
    """The realm of the names that a provider gives: no reference of ours is ever looked up there."""
    return f"{connector}:own"


async def owner_of_reference(
    conn: Connection, connector: str, reference: str
) -> tuple[int, int] | None:
    """(merchant, payment) that a provider speaks of."""
    row = await conn.fetchrow(
        """SELECT merchant_id, payment_id FROM payment_reference
            WHERE connector = $1 AND reference = $2""",
        connector,
        reference,
    )
    return (row["merchant_id"], row["payment_id"]) if row else None


async def find(conn: Connection, merchant_id: int, payment_id: int) -> Payment | None:
    row = await conn.fetchrow(
        "SELECT * FROM payment WHERE merchant_id = $1 AND id = $2", merchant_id, payment_id
    )
    return _payment(row) if row else None


async def current(conn: Connection, merchant_id: int, invoice_id: int) -> Payment | None:
    """The attempt that counts: the one that paid the invoice, else one in doubt, else the newest."""
    row = await conn.fetchrow(
        f"""SELECT * FROM payment WHERE merchant_id = $1 AND invoice_id = $2
            ORDER BY {_WHAT_COUNTS} LIMIT 1""",
        merchant_id,
        invoice_id,
    )
    return _payment(row) if row else None


async def of_invoice(
    conn: Connection, merchant_id: int, invoice_id: int, method: str
) -> list[Payment]:
    """The invoice's attempts by this method, oldest first."""
    rows = await conn.fetch(
        """SELECT * FROM payment WHERE merchant_id = $1 AND invoice_id = $2 AND method = $3
            ORDER BY id""",
        merchant_id,
        invoice_id,
        method,
    )
    return [_payment(row) for row in rows]


async def has_doubt(conn: Connection, merchant_id: int, invoice_id: int) -> bool:
    """Whether an attempt on the invoice is in doubt: the payer may have paid, or has begun to."""
    in_doubt = await conn.fetchval(
        """SELECT EXISTS (SELECT FROM payment
            WHERE merchant_id = $1 AND invoice_id = $2 AND state = ANY($3))""",
        merchant_id,
        invoice_id,
        [str(state) for state in IN_DOUBT],
    )
    return cast(bool, in_doubt) or await _has_begun(conn, merchant_id, invoice_id)


async def _has_begun(conn: Connection, merchant_id: int, invoice_id: int) -> bool:
    """Whether coins came for an attempt that still waits for the rest."""
    waits = await conn.fetchval(
        """SELECT EXISTS (SELECT FROM payment
            WHERE merchant_id = $1 AND invoice_id = $2 AND method = 'CRYPTO' AND state = 'waiting')""",
        merchant_id,
        invoice_id,
    )
    if not waits:
        return False
    return cast(
        bool,
        await conn.fetchval(
            """SELECT EXISTS (SELECT FROM deposit
                WHERE merchant_id = $1 AND invoice_id = $2 AND state IN ('seen', 'confirmed'))""",
            merchant_id,
            invoice_id,
        ),
    )


async def is_disputed(conn: Connection, merchant_id: int, payment_id: int) -> bool:
    """Whether the payer's bank has money of this payment back."""
    return cast(
        bool,
        await conn.fetchval(
            """SELECT EXISTS (SELECT FROM dispute WHERE merchant_id = $1 AND payment_id = $2
                                AND state IN ('chargeback', 'lost'))""",
            merchant_id,
            payment_id,
        ),
    )


async def save(tx: Connection, payment: Payment) -> None:
    """Write what an outcome changed."""
    await tx.execute(
        """UPDATE payment SET state = $3, version = $4, state_at = $5, provider_reference = $6,
                  network_reference = $7, link = $8, reason = $9, authorised_minor = $10,
                  captured_minor = $11, voided_minor = $12, refunded_minor = $13
            WHERE merchant_id = $1 AND id = $2""",
        payment.merchant_id,
        payment.id,
        payment.state,
        payment.version,
        payment.state_at,
        payment.provider_reference,
        payment.network_reference,
        payment.link,
        payment.reason,
        payment.authorised.minor,
        payment.captured.minor,
        payment.voided.minor,
        payment.refunded.minor,
    )


async def add_news(
    tx: Connection,
    payment: Payment,
    *,
    before: State,
    source: str,
    outcome: str,
    facts: dict[str, Any],
) -> None:
    """One line of the payment's history; `payment` is as it stands after."""
    await tx.execute(
        """INSERT INTO payment_news (merchant_id, payment_id, number, at, source, outcome, before,
                                     after, facts)
           SELECT $1, $2, 1 + count(*), $3, $4, $5, $6, $7, $8::text::jsonb
             FROM payment_news WHERE merchant_id = $1 AND payment_id = $2""",
        payment.merchant_id,
        payment.id,
        payment.state_at,
        source,
        outcome,
        before,
        payment.state,
        msgspec.json.encode(facts).decode(),
    )


async def has_news(conn: Connection, merchant_id: int, payment_id: int, outcome: str) -> bool:
    """Whether a payment's history has a line of this outcome."""
    return cast(
        bool,
        await conn.fetchval(
            """SELECT EXISTS (SELECT FROM payment_news
                WHERE merchant_id = $1 AND payment_id = $2 AND outcome = $3)""",
            merchant_id,
            payment_id,
            outcome,
        ),
    )


async def news(conn: Connection, merchant_id: int, payment_id: int) -> list[News]:
    """The payment's history, oldest first."""
    rows = await conn.fetch(
        """SELECT at, source, outcome, before, after, facts::text AS facts FROM payment_news
            WHERE merchant_id = $1 AND payment_id = $2 ORDER BY number""",
        merchant_id,
        payment_id,
    )
    return [
        News(
            at=row["at"],
            source=row["source"],
            outcome=row["outcome"],
            before=State(row["before"]),
            after=State(row["after"]),
            facts=msgspec.json.decode(row["facts"]),
        )
        for row in rows
    ]


async def states_of(
    conn: Connection, pairs: list[tuple[int, int]]
) -> dict[tuple[int, int], tuple[int, int, int]]:
    """For each (merchant, invoice): its version, the current attempt's id and that one's version."""
    rows = await conn.fetch(
        f"""SELECT i.merchant_id, i.id, i.version, p.id AS payment_id, p.version AS payment_version
             FROM unnest($1::bigint[], $2::bigint[]) AS w (merchant_id, id)
             JOIN invoice i ON i.merchant_id = w.merchant_id AND i.id = w.id
             LEFT JOIN LATERAL (SELECT id, version FROM payment
                                 WHERE merchant_id = i.merchant_id AND invoice_id = i.id
                                 ORDER BY {_WHAT_COUNTS} LIMIT 1) p ON true""",
        [merchant_id for merchant_id, _ in pairs],
        [invoice_id for _, invoice_id in pairs],
    )
    return {
        (row["merchant_id"], row["id"]): (
            row["version"],
            row["payment_id"] or 0,
            row["payment_version"] or 0,
        )
        for row in rows
    }


def _payment(row: asyncpg.Record) -> Payment:
    currency = fiat(row["currency"])
    return Payment(
        merchant_id=row["merchant_id"],
        id=row["id"],
        invoice_id=row["invoice_id"],
        method=row["method"],
        connector=row["connector"],
        reference=row["reference"],
        state=State(row["state"]),
        version=row["version"],
        direct=row["direct"],
        amount=Money(row["amount_minor"], currency),
        charged=Money(
            int(row["charged_minor"]), currency_of(row["charged_currency"], row["charged_exponent"])
        ),
        authorised=Money(row["authorised_minor"], currency),
        captured=Money(row["captured_minor"], currency),
        voided=Money(row["voided_minor"], currency),
        refunded=Money(row["refunded_minor"], currency),
        by_hand=row["by_hand"],
        rate=row["rate"],
        rate_source=row["rate_source"],
        rate_at=row["rate_at"],
        provider_reference=row["provider_reference"],
        network_reference=row["network_reference"],
        link=row["link"],
        reason=Reason(row["reason"]) if row["reason"] else None,
        started_at=row["started_at"],
        state_at=row["state_at"],
        expires_at=row["expires_at"],
    )
