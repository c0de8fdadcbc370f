"""Why an attempt went where it went, in its history; one that risk refuses goes nowhere."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from nonstopay.business.payments import records
from nonstopay.business.payments.cards import records as used_cards
from nonstopay.business.payments.cards.attempt import UsedCard
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.record_outcome import record
from nonstopay.business.payments.routing.rule import Turn
from nonstopay.business.risk.verdict import Decision, Verdict
from nonstopay.connectors.outcome import Kind, Outcome, Reason, Source, Step
from nonstopay.store.db import Connection

NOBODY = "nobody"
"""In place of a connector: no provider was asked, so none is praised or blamed for it."""


async def note_way(tx: Connection, payment: Payment, turn: Turn, verdict: Verdict) -> None:
    """Whom a new attempt goes to, by which rule, who else was thought of, and what risk says of it."""
    facts: dict[str, Any] = {
        "rule": turn.route.rule,
        "connectors": turn.route.connectors,
        "place": turn.place,
    }
    if verdict.decision is not Decision.ALLOW or verdict.reasons:
        facts |= {"risk": verdict.decision, "reasons": verdict.reasons}
    await records.add_news(
        tx, payment, before=payment.state, source="routing", outcome="chosen", facts=facts
    )


async def block(
    tx: Connection, payment: Payment, used: UsedCard, verdict: Verdict, at: datetime
) -> Payment:
    """Write an attempt that no provider is asked for: refused, as a bank would refuse it."""
    nowhere = replace(payment, connector=NOBODY)
    await records.insert(tx, nowhere)
    await used_cards.insert(tx, used)
    refused = Outcome(
        kind=Kind.DECLINED,
        at=at,
        reason=Reason.SUSPECTED_FRAUD,
        source=Source.US,
        step=Step.INITIATION,
        detail=", ".join(verdict.reasons),
    )
    return await record(tx, NOBODY, nowhere.reference, refused, source="risk", at=at)
