"""What merchants hear of a dispute, besides `invoice:chargeback`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nonstopay import clock
from nonstopay.business.invoices.describe import number
from nonstopay.business.payments.disputes import records
from nonstopay.business.payments.disputes.dispute import OBJECT, Dispute
from nonstopay.business.payments.disputes.states import State
from nonstopay.errors import NotFound
from nonstopay.store import outbox
from nonstopay.store.db import Connection, Database

KINDS = tuple(f"{OBJECT}:{state}" for state in State if state is not State.NEW)
_DESCRIPTION = {
    State.INQUIRY: "The payer's bank asks about the payment; no money has moved",
    State.CHARGEBACK: "The payer's bank took the money back",
    State.WON: "The dispute was won; the money is yours",
    State.LOST: "The dispute was lost; the payer has the money",
}


async def tell(tx: Connection, dispute: Dispute) -> None:
    """Write the event of the dispute's present state."""
    await outbox.record(
        tx,
        merchant_id=dispute.merchant_id,
        kind=f"{OBJECT}:{dispute.state}",
        object=OBJECT,
        object_id=dispute.id,
        version=dispute.version,
        facts={
            "state": dispute.state,
            "at": dispute.state_at.isoformat(),
            "answer_by": dispute.answer_by.isoformat() if dispute.answer_by else None,
        },
        at=dispute.state_at,
    )


async def describe_dispute(
    db: Database, merchant_id: int, dispute_id: int, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """What a webhook says of a dispute, as it was when the event happened."""
    async with db.reading() as conn:
        dispute = await records.find(conn, merchant_id, dispute_id)
    if dispute is None:
        raise NotFound(f"event about dispute {dispute_id}, which is not there")
    state, answer_by = State(facts["state"]), facts["answer_by"]
    return {
        "status": f"{OBJECT}:{state}",
        "id": dispute.id,
        "invoice_id": dispute.invoice_id,
        "devise": dispute.amount.currency.code,
        "amount": number(dispute.amount.short_text()),
        "description": _DESCRIPTION[state],
        "reason": dispute.reason,
        "answer_by": clock.text(datetime.fromisoformat(answer_by)) if answer_by else None,
        "datetime": clock.text(datetime.fromisoformat(facts["at"])),
    }
