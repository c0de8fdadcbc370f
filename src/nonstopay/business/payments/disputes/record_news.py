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
from nonstopay.business.payments.disputes.book import give, take
from nonstopay.business.payments.disputes.dispute import Bearer, Dispute
from nonstopay.business.payments.disputes.states import MACHINE, State
from nonstopay.business.payments.disputes.tell import tell
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.returns.owed import owed
from nonstopay.business.payments.review import records as reviews
from nonstopay.business.payments.review.states import State as ReviewState
from nonstopay.business.payments.states import EARNED
from nonstopay.business.payments.states import State as PaymentState
from nonstopay.connectors.outcome import DisputeNews, DisputeStage, Kind, Outcome
from nonstopay.errors import LawBroken, NotFound, Unavailable
from nonstopay.ledger import movements
from nonstopay.money import Money
from nonstopay.store.db import Connection, Database

_ON_INVOICE = {
    State.CHARGEBACK: InvoiceEvent.DISPUTE,
    State.LOST: InvoiceEvent.DISPUTE,
    State.WON: InvoiceEvent.WIN,
}
_NOT_TAKEN = frozenset({State.NEW, State.INQUIRY})
_log = logging.getLogger(__name__)


class NotCaptured(Unavailable):
    """News of what we do not know to be captured: the payment's own news must come first."""

    code = "not_captured"


async def record_news(
    db: Database, merchant_id: int, payment_id: int, outcome: Outcome, *, at: datetime
) -> Dispute | None:
    """Take in what a provider says of a dispute of a payment; the dispute then.

    Args:
        outcome: DISPUTED. Without an amount, all that was captured is meant.

    Returns:
        `None` if it is a new dispute over a sum in a currency that was not charged. It stays new, which
        holds back the invoice's settlement, until the operator says how much it is (`nonstopay payment
        dispute`) or it is won.

    Raises:
        NotFound: no such payment.
        NotCaptured: we have not heard yet that it was captured.
    """
    news = outcome.dispute
    if news is None:
        raise LawBroken("news of a dispute without the dispute")
    async with db.transaction() as tx:
        payment, invoice = await _lock(tx, merchant_id, payment_id)
        if payment.state not in EARNED:
            raise NotCaptured(f"payment {payment_id} is disputed and {payment.state}")
        dispute = await records.by_reference(tx, merchant_id, payment.connector, news.reference)
        dispute = dispute or await _new(tx, payment, news, at)
        amount = await _wanted(tx, payment, dispute, outcome)
        if amount is None:
            await _note(tx, payment, outcome, news, at)
            return None
        step = MACHINE.step(dispute.state, news.stage)
        if not step.moved:
            return dispute
        after = replace(
            dispute,
            state=step.after,
            version=dispute.version + 1,
            state_at=at,
            amount=amount,
            reason=news.reason or dispute.reason,
            answer_by=news.answer_by or dispute.answer_by,
        )
        if step.movement == movements.CHARGEBACK:
            after = await take(tx, payment, after, at)
        elif step.movement == movements.CHARGEBACK_UNDONE:
            await give(tx, payment, after, at)
        await records.save(tx, after)
        if after.bearer is Bearer.MERCHANT:
            await tell(tx, after)
            await _tell_invoice(tx, after, invoice, at)
        else:
            await _tell_operator(tx, payment, after, at)
    return after


async def _tell_invoice(tx: Connection, after: Dispute, invoice: Invoice, at: datetime) -> None:
    event = _ON_INVOICE.get(after.state)
    if event is None:
        return
    is_won = event is InvoiceEvent.WIN
    if is_won and await payments.is_disputed(tx, after.merchant_id, after.payment_id):
        return  # another dispute of it stands
    review = await reviews.find(tx, after.merchant_id, after.payment_id)
    if is_won and review is not None and review.state is ReviewState.HELD:
        event = InvoiceEvent.WITHHOLD
    invoice = await step_invoice(tx, invoice, event, at)
    if event is InvoiceEvent.WIN and invoice.tx_hash is not None:
        # The merchant has had his transfer; what was won is his besides, or pays his debt.
        await step_invoice(tx, invoice, InvoiceEvent.SETTLE, at)


async def _tell_operator(tx: Connection, payment: Payment, dispute: Dispute, at: datetime) -> None:
    """It is no merchant's money: a line of the payment's history, and the operator's log."""
    sentence = f"dispute {dispute.id} is {dispute.state}, borne by the {dispute.bearer}"
    current = await payments.find(tx, payment.merchant_id, payment.id) or payment
    await payments.add_news(
        tx,
        replace(current, state_at=at),
        before=current.state,
        source="notification",
        outcome=Kind.DISPUTED,
        facts={"amount": str(dispute.amount), "detail": sentence},
    )
    _log.error(
        "a dispute of money that goes back anyway",
        extra={
            "merchant": payment.merchant_id,
            "payment": payment.id,
            "dispute": dispute.provider_reference,
            "stage": dispute.state,
            "amount": str(dispute.amount),
            "bearer": dispute.bearer,
        },
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


async def _wanted(
    tx: Connection, payment: Payment, dispute: Dispute, outcome: Outcome
) -> Money | None:
    """How much the bank wants, in the currency of payment and invoice; `None` if that is not known.

    Until it has taken something, it may think again. Nobody knows at which rate a provider will reckon:
    to guess would be to book a wrong sum.
    """
    if dispute.state not in _NOT_TAKEN or _is_won(outcome):
        return dispute.amount
    told, currency = outcome.amount, payment.charged.currency
    if told is not None and told.minor > 0:
        return told if told.currency == currency == dispute.amount.currency else None
    if dispute.state is State.INQUIRY:
        return dispute.amount
    if currency != dispute.amount.currency:
        return None
    return payment.captured if payment.state is PaymentState.CAPTURED else await owed(tx, payment)


def _is_won(outcome: Outcome) -> bool:
    """Whether it ended without money."""
    return outcome.dispute is not None and outcome.dispute.stage is DisputeStage.WON


async def _note(
    tx: Connection, payment: Payment, outcome: Outcome, news: DisputeNews, at: datetime
) -> None:
    """It cannot be booked: a line of the payment's history and the alarm, once for each stage."""
    detail = f"{news.reference} {news.stage}: {outcome.amount}"
    if await records.was_noted(tx, payment.merchant_id, payment.id, detail):
        return
    await payments.add_news(
        tx,
        replace(payment, state_at=at),
        before=payment.state,
        source="notification",
        outcome=Kind.DISPUTED,
        facts={"detail": detail},
    )
    _log.error(
        "a dispute in a currency that was not charged: say how much it is",
        extra={
            "merchant": payment.merchant_id,
            "payment": payment.id,
            "dispute": news.reference,
            "stage": news.stage,
            "amount": str(outcome.amount),
        },
    )


async def _new(tx: Connection, payment: Payment, news: DisputeNews, at: datetime) -> Dispute:
    """A dispute of which the sum is not known yet: at most all of it."""
    is_merchants = payment.state is PaymentState.CAPTURED
    dispute = Dispute(
        merchant_id=payment.merchant_id,
        id=await records.next_id(tx),
        payment_id=payment.id,
        invoice_id=payment.invoice_id,
        connector=payment.connector,
        provider_reference=news.reference,
        state=State.NEW,
        version=0,
        amount=payment.amount,
        covered=Money(0, payment.amount.currency),
        bearer=Bearer.MERCHANT if is_merchants else Bearer.PLATFORM,
        reason=news.reason,
        answer_by=news.answer_by,
        opened_at=at,
        state_at=at,
    )
    await records.insert(tx, dispute)
    return dispute
