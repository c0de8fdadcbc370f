"""News of a dispute: its step, its money, its invoice, its event, in one transaction.

The payer's bank takes what it wants without asking, so this is the one movement that may leave a merchant
in our debt: what his balance does not cover is owed (`merchant:owes`), and his next earnings pay it.
"""

import logging
from dataclasses import replace
from datetime import datetime

from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.invoices.states import Event as InvoiceEvent
from nonstopay.business.invoices.step import step as step_invoice
from nonstopay.business.payments import records as payments
from nonstopay.business.payments.disputes import records
from nonstopay.business.payments.disputes.dispute import OBJECT, Dispute
from nonstopay.business.payments.disputes.states import MACHINE, State
from nonstopay.business.payments.disputes.tell import tell
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.record_outcome import record
from nonstopay.business.payments.review import records as reviews
from nonstopay.business.payments.review.hold import end
from nonstopay.business.payments.review.states import Event as ReviewEvent
from nonstopay.business.payments.states import State as PaymentState
from nonstopay.connectors.outcome import DisputeNews, DisputeStage, Kind, Outcome
from nonstopay.errors import LawBroken, NotFound, Unavailable
from nonstopay.ledger import balances, movements, post
from nonstopay.ledger.chart import MERCHANT, OWES
from nonstopay.ledger.movements import Facts
from nonstopay.money import Money
from nonstopay.store.db import Connection, Database

_ON_INVOICE = {
    State.CHARGEBACK: InvoiceEvent.DISPUTE,
    State.LOST: InvoiceEvent.DISPUTE,
    State.WON: InvoiceEvent.WIN,
}
_GOES_BACK = frozenset({PaymentState.RETURNING, PaymentState.RETURNED})
_BANK_HAS_IT = frozenset({DisputeStage.CHARGEBACK, DisputeStage.PRE_ARBITRATION, DisputeStage.LOST})
_log = logging.getLogger(__name__)


class NotCaptured(Unavailable):
    """A dispute of what we do not know to be captured: the payment's own news must come first."""

    code = "not_captured"


async def record_news(
    db: Database, merchant_id: int, payment_id: int, outcome: Outcome, *, at: datetime
) -> Dispute | None:
    """Take in what a provider says of a dispute of a payment; the dispute then.

    Args:
        outcome: DISPUTED. Its amount, if it is in another currency than the invoice's or is missing,
            counts as all that was captured.

    Returns:
        `None` if the merchant never had the money, which was on its way back to the payer anyway.

    Raises:
        NotFound: no such payment.
        NotCaptured: we have not heard yet that it was captured.
    """
    news = outcome.dispute
    if news is None:
        raise LawBroken("news of a dispute without the dispute")
    async with db.transaction() as tx:
        payment, invoice = await _lock(tx, merchant_id, payment_id)
        if payment.state in _GOES_BACK:
            await _has_come_back(tx, payment, outcome, news, at)
            return None
        if payment.state is not PaymentState.CAPTURED:
            raise NotCaptured(f"payment {payment_id} is disputed and {payment.state}")
        dispute = await records.by_reference(tx, merchant_id, payment.connector, news.reference)
        if dispute is None:
            dispute = await _new(tx, payment, outcome, news, at)
        step = MACHINE.step(dispute.state, news.stage)
        if not step.moved:
            return dispute
        after = replace(
            dispute,
            state=step.after,
            version=dispute.version + 1,
            state_at=at,
            reason=news.reason or dispute.reason,
            answer_by=news.answer_by or dispute.answer_by,
        )
        if step.movement == movements.CHARGEBACK:
            after = await _take(tx, after, at)
        elif step.movement == movements.CHARGEBACK_UNDONE:
            await _give(tx, after, at)
        await records.save(tx, after)
        await tell(tx, after)
        await _tell_invoice(tx, after, invoice, at)
    return after


async def _tell_invoice(tx: Connection, after: Dispute, invoice: Invoice, at: datetime) -> None:
    event = _ON_INVOICE.get(after.state)
    if event is None:
        return
    is_won = event is InvoiceEvent.WIN
    if is_won and await payments.is_disputed(tx, after.merchant_id, after.payment_id):
        return  # another dispute of it stands
    invoice = await step_invoice(tx, invoice, event, at)
    if is_won and invoice.tx_hash is not None:
        # The merchant has had his transfer; what was won is his besides, or pays his debt.
        await step_invoice(tx, invoice, InvoiceEvent.SETTLE, at)


async def _has_come_back(
    tx: Connection, payment: Payment, outcome: Outcome, news: DisputeNews, at: datetime
) -> None:
    """The bank was faster than our refund; if it takes the money besides, somebody must look into it."""
    if news.stage in _BANK_HAS_IT and payment.state is PaymentState.RETURNING:
        refunded = replace(outcome, kind=Kind.REFUNDED, provider_reference=None)
        await record(
            tx, payment.connector, payment.reference, refunded, source="notification", at=at
        )
        return
    _log.error(
        "a dispute of money that goes back anyway",
        extra={"payment": payment.id, "dispute": news.reference, "stage": news.stage},
    )


async def _lock(tx: Connection, merchant_id: int, payment_id: int) -> tuple[Payment, Invoice]:
    found = await payments.find(tx, merchant_id, payment_id)
    if found is None:
        raise NotFound(f"there is no payment {payment_id}")
    invoice = await invoices.lock(tx, merchant_id, found.invoice_id)
    payment = await payments.find(tx, merchant_id, payment_id)
    if invoice is None or payment is None:
        raise LawBroken(f"payment {payment_id} without its invoice")
    return payment, invoice


async def _new(
    tx: Connection, payment: Payment, outcome: Outcome, news: DisputeNews, at: datetime
) -> Dispute:
    amount = outcome.amount
    if amount is None or amount.currency != payment.amount.currency or amount.minor <= 0:
        amount = payment.captured
    dispute = Dispute(
        merchant_id=payment.merchant_id,
        id=await records.next_id(tx),
        payment_id=payment.id,
        invoice_id=payment.invoice_id,
        connector=payment.connector,
        provider_reference=news.reference,
        state=State.NEW,
        version=0,
        amount=amount,
        covered=Money(0, amount.currency),
        reason=news.reason,
        answer_by=news.answer_by,
        opened_at=at,
        state_at=at,
    )
    await records.insert(tx, dispute)
    return dispute


async def _take(tx: Connection, dispute: Dispute, at: datetime) -> Dispute:
    """The bank has it: out of the balance as far as it goes, the rest is owed.

    A review is over then: what was withheld is what it takes first.
    """
    currency = dispute.amount.currency
    await post.hold(tx, dispute.merchant_id)
    if review := await reviews.find(tx, dispute.merchant_id, dispute.payment_id):
        await end(tx, review, ReviewEvent.CHARGEBACK, at)
    held = await balances.balance(tx, dispute.merchant_id, MERCHANT, currency)
    covered = min(held, dispute.amount)
    await _post(tx, dispute, movements.CHARGEBACK, covered, at)
    return replace(dispute, covered=covered)


async def _give(tx: Connection, dispute: Dispute, at: datetime) -> None:
    """We have it again: it pays what the merchant owes, the rest is his."""
    currency = dispute.amount.currency
    await post.hold(tx, dispute.merchant_id)
    owed = await balances.balance(tx, dispute.merchant_id, OWES, currency)
    repaid = min(owed, dispute.amount)
    await _post(tx, dispute, movements.CHARGEBACK_UNDONE, dispute.amount - repaid, at)


async def _post(
    tx: Connection, dispute: Dispute, movement: str, covered: Money, at: datetime
) -> None:
    about = f"{OBJECT}:{dispute.id}"
    facts = Facts(
        merchant_id=dispute.merchant_id,
        key=f"{about}/{movement}/{dispute.version}",
        about=about,
        at=at,
        connector=dispute.connector,
        covered=covered,
        owed=dispute.amount - covered,
    )
    await post.post(tx, movements.lines(movement, facts))
