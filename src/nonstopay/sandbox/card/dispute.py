"""Disputes: the holder's bank asks, takes the money back, and at last keeps it or returns it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from nonstopay import ids
from nonstopay.card_number import Brand, brand_of
from nonstopay.errors import Conflict
from nonstopay.money import Money
from nonstopay.sandbox.card import records
from nonstopay.sandbox.card.payment import Payment
from nonstopay.store.db import Connection

ANSWERED_WITHIN = timedelta(days=10)
_VISA_FRAUD, _OTHER_FRAUD = "10.4", "4837"


class Stage(StrEnum):
    """How far a dispute is, as the bank's notifications spell it."""

    INQUIRY = "inquiry"
    CHARGEBACK = "chargeback"
    PRE_ARBITRATION = "pre_arbitration"
    WON = "won"
    LOST = "lost"


HOLDS_MONEY = frozenset({Stage.CHARGEBACK, Stage.PRE_ARBITRATION, Stage.LOST})
_NEXT: Mapping[Stage | None, frozenset[Stage]] = MappingProxyType(
    {
        None: frozenset({Stage.INQUIRY, Stage.CHARGEBACK}),
        Stage.INQUIRY: frozenset({Stage.CHARGEBACK, Stage.WON}),
        Stage.CHARGEBACK: frozenset({Stage.PRE_ARBITRATION, Stage.WON, Stage.LOST}),
        Stage.WON: frozenset({Stage.PRE_ARBITRATION}),
        Stage.PRE_ARBITRATION: frozenset({Stage.WON, Stage.LOST}),
        Stage.LOST: frozenset(),
    }
)
"""What may follow a stage; `None` is a payment that nobody disputes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """The dispute of a payment; there is one at most.

    Attributes:
        reason: the scheme's code for it: fraud, card not present.
        answer_by: until when evidence would be taken.
    """

    id: str
    stage: Stage
    amount: Money
    reason: str
    at: datetime
    answer_by: datetime

    def facts(self) -> dict[str, Any]:
        """The dispute as the bank's notifications show it."""
        return {
            "id": self.id,
            "stage": self.stage,
            "amount": self.amount.text(),
            "currency": self.amount.currency.code,
            "reason": self.reason,
            "at": self.at.isoformat(),
            "answer_by": self.answer_by.isoformat(),
        }


async def move(
    tx: Connection, payment: Payment, stage: Stage, now: datetime
) -> tuple[Payment, Dispute, bool]:
    """Bring the payment's dispute to a stage.

    Returns:
        The payment and its dispute then, and whether anything moved: the same stage again does not.

    Raises:
        Conflict: the stage cannot follow, or there is nothing left to take back.
    """
    dispute = await _dispute_of(tx, payment)
    if dispute is not None and dispute.stage is stage:
        return payment, dispute, False
    before = dispute.stage if dispute else None
    if stage not in _NEXT[before]:
        may = ", ".join(sorted(_NEXT[before])) or "nothing"
        raise Conflict(f"after {before or 'no dispute'} may come {may}, not {stage}")
    after = replace(dispute, stage=stage, at=now) if dispute else _opened(payment, stage, now)
    held = after.amount if stage in HOLDS_MONEY else Money(0, after.amount.currency)
    left = payment.captured - payment.refunded
    if after.amount.minor == 0 or left < held:
        raise Conflict(f"there is nothing left to take back: {left} of what was captured")
    payment = replace(payment, charged_back=held, dispute_at=None)
    await records.save(tx, payment)
    await _save(tx, payment, after)
    return payment, after, True


def _opened(payment: Payment, stage: Stage, now: datetime) -> Dispute:
    is_visa = brand_of(payment.first6) is Brand.VISA
    return Dispute(
        id="NSD" + ids.random_bytes(10).hex().upper(),
        stage=stage,
        amount=payment.refundable,
        reason=_VISA_FRAUD if is_visa else _OTHER_FRAUD,
        at=now,
        answer_by=now + ANSWERED_WITHIN,
    )


async def _dispute_of(tx: Connection, payment: Payment) -> Dispute | None:
    row = await tx.fetchrow(
        """SELECT id, stage, amount_minor, reason, stage_at, answer_by
             FROM sandbox_card_dispute WHERE reference = $1""",
        payment.reference,
    )
    if row is None:
        return None
    return Dispute(
        id=row["id"],
        stage=Stage(row["stage"]),
        amount=Money(row["amount_minor"], payment.amount.currency),
        reason=row["reason"],
        at=row["stage_at"],
        answer_by=row["answer_by"],
    )


async def _save(tx: Connection, payment: Payment, dispute: Dispute) -> None:
    await tx.execute(
        """INSERT INTO sandbox_card_dispute
                  (reference, id, stage, amount_minor, reason, stage_at, answer_by)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (reference) DO UPDATE
           SET stage = excluded.stage, stage_at = excluded.stage_at""",
        payment.reference,
        dispute.id,
        dispute.stage,
        dispute.amount.minor,
        dispute.reason,
        dispute.at,
        dispute.answer_by,
    )
