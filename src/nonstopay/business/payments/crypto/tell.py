"""What merchants hear of coins on their way, if they ask for it; what is sure they hear of the invoice."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nonstopay import clock
from nonstopay.business.payments import records
from nonstopay.business.payments.crypto.tally import Tally
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.states import State
from nonstopay.errors import NotFound
from nonstopay.store import outbox
from nonstopay.store.db import Connection, Database

OBJECT = "crypto"
SEEN, SHORT, REVERTED = f"{OBJECT}:seen", f"{OBJECT}:underpaid", f"{OBJECT}:reverted"
KINDS = (SEEN, SHORT, REVERTED)
_DESCRIPTION = {
    SEEN: "A transfer is in a block of the chain, and not sure yet",
    SHORT: "Less came than was asked; the payer may send the rest",
    REVERTED: "The chain took back a transfer that was not sure yet",
}


async def tell(tx: Connection, before: Payment, after: Payment, came: Tally) -> None:
    """Write the event of a payment's step, if there is something to tell."""
    kind = _kind(before, after, came)
    if kind is None:
        return
    await outbox.record(
        tx,
        merchant_id=after.merchant_id,
        kind=kind,
        object=OBJECT,
        object_id=after.id,
        version=after.version,
        facts={
            "kind": kind,
            "at": after.state_at.isoformat(),
            "received": came.received.short_text(),
            "coming": came.coming.short_text(),
            "confirmations": came.confirmations,
            "needed": came.needed,
        },
        at=after.state_at,
    )


def _kind(before: Payment, after: Payment, came: Tally) -> str | None:
    if after.state is State.PROCESSING:
        return SEEN
    if after.state is State.CAPTURED or before.state is not State.PROCESSING:
        return None
    if came.gone_at is not None and came.gone_at >= before.state_at:
        return REVERTED
    return SHORT if came.received.minor else None


async def describe_crypto(
    db: Database, merchant_id: int, payment_id: int, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """What a webhook says, as it was when the event happened; amounts are text, exact to the last digit."""
    async with db.reading() as conn:
        payment = await records.find(conn, merchant_id, payment_id)
    if payment is None:
        raise NotFound(f"event about payment {payment_id}, which is not there")
    return {
        "status": facts["kind"],
        "id": payment.id,
        "invoice_id": payment.invoice_id,
        "coin": payment.charged.currency.code,
        "asked": payment.charged.short_text(),
        "received": facts["received"],
        "coming": facts["coming"],
        "confirmations": facts["confirmations"],
        "needed": facts["needed"],
        "description": _DESCRIPTION[facts["kind"]],
        "datetime": clock.text(datetime.fromisoformat(facts["at"])),
    }
