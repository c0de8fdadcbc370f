"""What merchants hear of a refund."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nonstopay import clock
from nonstopay.business.invoices.describe import number
from nonstopay.business.payments.refunds import records
from nonstopay.business.payments.refunds.refund import OBJECT, Refund
from nonstopay.business.payments.refunds.states import State
from nonstopay.errors import NotFound
from nonstopay.store import outbox
from nonstopay.store.db import Connection, Database

KINDS = tuple(f"{OBJECT}:{state}" for state in State if state is not State.NEW)
_DESCRIPTION = {
    State.PENDING: "The money is set aside and on its way to the payer",
    State.SUCCESS: "The money went back to the payer",
    State.FAILED: "The refund was refused; the money is in your balance again",
}


async def tell(tx: Connection, refund: Refund) -> None:
    """Write the event of the refund's present state."""
    await outbox.record(
        tx,
        merchant_id=refund.merchant_id,
        kind=f"{OBJECT}:{refund.state}",
        object=OBJECT,
        object_id=refund.id,
        version=refund.version,
        facts={"state": refund.state, "at": refund.state_at.isoformat()},
        at=refund.state_at,
    )


async def describe_refund(
    db: Database, merchant_id: int, refund_id: int, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """What a webhook says of a refund, as it was when the event happened."""
    async with db.reading() as conn:
        refund = await records.find(conn, merchant_id, refund_id)
    if refund is None:
        raise NotFound(f"event about refund {refund_id}, which is not there")
    state = State(facts["state"])
    return {
        "status": f"{OBJECT}:{state}",
        "id": refund.id,
        "invoice_id": refund.invoice_id,
        "devise": refund.amount.currency.code,
        "amount": number(refund.amount.short_text()),
        "description": _DESCRIPTION[state],
        "reason": refund.note,
        "datetime": clock.text(datetime.fromisoformat(facts["at"])),
    }
