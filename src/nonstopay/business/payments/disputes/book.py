"""The money of a dispute: out when the payer's bank takes it, in again when we win.

Usually it is the merchant's, and what his balance does not hold he owes. Of a payment that was to go back
to its payer he never had anything: if the bank was faster than our refund it has done our work; if it takes
what had gone back already, the loss is ours.
"""

from dataclasses import replace
from datetime import datetime

from nonstopay.business.payments.disputes.dispute import OBJECT, Bearer, Dispute
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.record_outcome import record
from nonstopay.business.payments.returns.owed import owed
from nonstopay.business.payments.review import records as reviews
from nonstopay.business.payments.review.hold import end, free, withhold
from nonstopay.business.payments.review.states import Event as ReviewEvent
from nonstopay.business.payments.review.states import State as ReviewState
from nonstopay.business.payments.states import State as PaymentState
from nonstopay.connectors.outcome import Kind, Outcome
from nonstopay.ledger import balances, movements, post
from nonstopay.ledger.chart import MERCHANT, OWES
from nonstopay.ledger.movements import Facts
from nonstopay.money import Money
from nonstopay.store.db import Connection


async def take(tx: Connection, payment: Payment, dispute: Dispute, at: datetime) -> Dispute:
    """The bank has it; the dispute with what was covered, and by whom."""
    if dispute.bearer is Bearer.MERCHANT:
        return await _take_from_merchant(tx, payment, dispute, at)
    is_faster = payment.state is PaymentState.RETURNING
    if is_faster and dispute.amount == await owed(tx, payment):
        gone = Outcome(kind=Kind.REFUNDED, at=at, amount=dispute.amount, detail="by his bank")
        await record(tx, payment.connector, payment.reference, gone, source="notification", at=at)
        return replace(dispute, bearer=Bearer.PAYER)
    await _post_borne(tx, dispute, movements.CHARGEBACK_BORNE, at)
    return dispute


async def give(tx: Connection, payment: Payment, dispute: Dispute, at: datetime) -> None:
    """We have it again: it pays what the merchant owes, the rest is his; if it was his."""
    if dispute.bearer is not Bearer.MERCHANT:
        await _post_borne(tx, dispute, movements.CHARGEBACK_BORNE_UNDONE, at)
        return
    await post.hold(tx, dispute.merchant_id)
    owing = await balances.balance(tx, dispute.merchant_id, OWES, dispute.amount.currency)
    credited = dispute.amount - min(owing, dispute.amount)
    await _post(tx, dispute, movements.CHARGEBACK_UNDONE, credited, at)
    review = await reviews.find(tx, dispute.merchant_id, dispute.payment_id)
    if review is not None and review.state is ReviewState.HELD and credited.minor:
        await withhold(tx, payment, credited, at)


async def _take_from_merchant(
    tx: Connection, payment: Payment, dispute: Dispute, at: datetime
) -> Dispute:
    """Out of the balance as far as it goes, the rest is owed; first of all what is withheld.

    What is withheld beyond that stays so; with nothing left of it the review is over.
    """
    await post.hold(tx, dispute.merchant_id)
    review = await reviews.find(tx, dispute.merchant_id, dispute.payment_id)
    if review is not None and review.state is ReviewState.HELD and review.held > dispute.amount:
        await post.post(tx, await free(tx, payment, dispute.amount, at))
    elif review is not None:
        await end(tx, review, ReviewEvent.CHARGEBACK, at)
    held = await balances.balance(tx, dispute.merchant_id, MERCHANT, dispute.amount.currency)
    covered = min(held, dispute.amount)
    await _post(tx, dispute, movements.CHARGEBACK, covered, at)
    return replace(dispute, covered=covered)


async def _post(
    tx: Connection, dispute: Dispute, movement: str, covered: Money, at: datetime
) -> None:
    facts = replace(_facts(dispute, movement, at), covered=covered, owed=dispute.amount - covered)
    await post.post(tx, movements.lines(movement, facts))


async def _post_borne(tx: Connection, dispute: Dispute, movement: str, at: datetime) -> None:
    facts = replace(_facts(dispute, movement, at), charged=dispute.amount)
    await post.post(tx, movements.lines(movement, facts))


def _facts(dispute: Dispute, movement: str, at: datetime) -> Facts:
    about = f"{OBJECT}:{dispute.id}"
    return Facts(
        merchant_id=dispute.merchant_id,
        key=f"{about}/{movement}/{dispute.version}",
        about=about,
        at=at,
        connector=dispute.connector,
    )
