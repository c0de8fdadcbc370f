"""The only SQL of card attempts. The merchant comes first."""

from datetime import datetime

from nonstopay.business.payments.cards.attempt import Declines, UsedCard
from nonstopay.card_number import Brand
from nonstopay.connectors.outcome import Authentication
from nonstopay.store.db import Connection


async def insert(tx: Connection, used: UsedCard) -> None:
    await tx.execute(
        """INSERT INTO payment_card (merchant_id, payment_id, card_id, brand, first6, last4,
                                     expiry_month, expiry_year, fingerprint, payer_ip)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        used.merchant_id,
        used.payment_id,
        used.card_id,
        used.brand,
        used.first6,
        used.last4,
        used.expiry_month,
        used.expiry_year,
        used.fingerprint,
        used.payer_ip,
    )


async def find(conn: Connection, merchant_id: int, payment_id: int) -> UsedCard | None:
    row = await conn.fetchrow(
        "SELECT * FROM payment_card WHERE merchant_id = $1 AND payment_id = $2",
        merchant_id,
        payment_id,
    )
    if row is None:
        return None
    told = row["authentication"]
    return UsedCard(
        merchant_id=merchant_id,
        payment_id=payment_id,
        card_id=row["card_id"],
        brand=Brand(row["brand"]),
        first6=row["first6"],
        last4=row["last4"],
        expiry_month=row["expiry_month"],
        expiry_year=row["expiry_year"],
        fingerprint=row["fingerprint"],
        authentication=Authentication(told) if told else None,
        payer_ip=row["payer_ip"],
    )


async def save_authentication(
    tx: Connection, merchant_id: int, payment_id: int, authentication: Authentication
) -> None:
    await tx.execute(
        "UPDATE payment_card SET authentication = $3 WHERE merchant_id = $1 AND payment_id = $2",
        merchant_id,
        payment_id,
        authentication,
    )


async def declines(
    conn: Connection, merchant_id: int, invoice_id: int, payer_ip: str | None, since: datetime
) -> Declines:
    """How often cards were refused: on this invoice ever, and from this address since an instant."""
    row = await conn.fetchrow(
        """SELECT (SELECT count(*) FROM payment WHERE merchant_id = $1 AND invoice_id = $2
                      AND method = 'CARD' AND state IN ('declined', 'expired')) AS of_invoice,
                  count(*) AS of_address, min(p.started_at) AS oldest
             FROM payment_card c
             JOIN payment p ON p.merchant_id = c.merchant_id AND p.id = c.payment_id
            WHERE c.payer_ip = $3 AND p.started_at > $4 AND p.state = 'declined'""",
        merchant_id,
        invoice_id,
        payer_ip,
        since,
    )
    assert row is not None
    return Declines(
        of_invoice=row["of_invoice"], of_address=row["of_address"], oldest=row["oldest"]
    )
