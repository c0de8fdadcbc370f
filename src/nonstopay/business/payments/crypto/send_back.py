"""Send back coins that paid for nothing, to the address that their payer named.

The sender is asked under the refund's key, with no transaction open; the same key is the same transfer, so
asking twice sends once. The books have it when the transfer is final on its network.
"""

import logging
from datetime import datetime, timedelta

from nonstopay.business.invoices import records as invoices
from nonstopay.business.payments import records
from nonstopay.business.payments.crypto import records as crypto
from nonstopay.business.payments.crypto.refund import Refund
from nonstopay.business.transactions.payout import Answer, Confirmed, Order, Payout, Refused
from nonstopay.ledger import movements, post
from nonstopay.store.db import Connection, Database

_PAUSE = timedelta(seconds=2)
_PAUSE_MAX = timedelta(minutes=5)
WITHOUT_SENDER = timedelta(minutes=1)
AFTER_REFUSAL = timedelta(hours=1)
"""A refusal mends itself when limits or funds are put right."""
_log = logging.getLogger(__name__)


async def send_back(
    db: Database,
    payout: Payout | None,
    merchant_id: int,
    refund_id: int,
    *,
    attempts: int,
    at: datetime,
) -> datetime | None:
    """Ask the sender once; when to ask again, or `None` when the payer has his coins."""
    async with db.reading() as conn:
        refund = await crypto.refund(conn, merchant_id, refund_id)
    if refund is None or refund.tx_hash is not None:
        return None
    if payout is None:
        _warn(refund, "a refund by crypto waits: nobody here sends coins", attempts)
        return at + WITHOUT_SENDER
    answer = await payout.ask(
        Order(
            key=refund.key,
            merchant_id=merchant_id,
            network=refund.network,
            amount=refund.amount,
            address=refund.address,
        )
    )
    return await _take_in(db, refund, answer, attempts, at)


async def _take_in(
    db: Database, refund: Refund, answer: Answer, attempts: int, at: datetime
) -> datetime | None:
    if isinstance(answer, Confirmed):
        async with db.transaction() as tx:
            await _book(tx, refund, answer.tx_hash, at)
        return None
    if isinstance(answer, Refused):
        _warn(refund, f"a refund by crypto was refused: {answer.reason}", attempts)
        async with db.transaction() as tx:
            await crypto.set_refused(tx, refund)
        return at + AFTER_REFUSAL
    return at + min(_PAUSE * (1 << min(attempts, 12)), _PAUSE_MAX)


async def _book(tx: Connection, refund: Refund, tx_hash: str, at: datetime) -> None:
    """It is final: the payer's money is gone from the books, and his payment's history says where."""
    await invoices.lock(tx, refund.merchant_id, refund.invoice_id)
    if not await crypto.set_sent(tx, refund.merchant_id, refund.id, tx_hash):
        return
    facts = movements.Facts(
        merchant_id=refund.merchant_id,
        key=f"{refund.about}/{movements.DEPOSIT_REFUNDED}",
        about=refund.about,
        at=at,
        connector="",
        network=refund.network,
        charged=refund.amount,
    )
    await post.post(tx, movements.lines(movements.DEPOSIT_REFUNDED, facts))
    payment = await records.find(tx, refund.merchant_id, refund.payment_id)
    assert payment is not None
    await records.add_news(
        tx,
        payment,
        before=payment.state,
        source="chain",
        outcome="refunded",
        facts={
            "amount": str(refund.amount),
            "address": refund.address,
            "network_reference": tx_hash,
        },
    )


def _warn(refund: Refund, sentence: str, attempts: int) -> None:
    """Once, and then now and then: a person must see to it."""
    if attempts % 30 <= 1:
        _log.error(sentence, extra={"merchant": refund.merchant_id, "refund": refund.about})
