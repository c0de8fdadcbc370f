"""The one verb by which news of a payment enters, whoever brings it.

A provider's reply, its notification, our look-up and the operator all come through here. In one
transaction: the payment's step, the movement that its arrow names, the invoice's step with its event,
the job that follows, and a line of the payment's history. The same news again changes nothing.
"""

import logging
from dataclasses import replace
from datetime import datetime
from typing import Literal

from nonstopay.business.invoices import accept, expire
from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.invoices.states import Event as InvoiceEvent
from nonstopay.business.invoices.step import step as step_invoice
from nonstopay.business.merchants import records as merchants
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments import records
from nonstopay.business.payments.judge import event_of
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.states import IN_DOUBT, MACHINE, Event, State
from nonstopay.connectors.outcome import Kind, Outcome, unknown
from nonstopay.errors import LawBroken, NotFound
from nonstopay.ledger import movements, post
from nonstopay.money import Money
from nonstopay.state_machine import Step
from nonstopay.store import jobs
from nonstopay.store.db import Connection, Database

Source = Literal["reply", "notification", "look-up", "operator"]
GIVE_BACK = "payment:give-back"
_log = logging.getLogger(__name__)


async def record_outcome(
    db: Database, connector: str, reference: str, outcome: Outcome, *, source: Source, at: datetime
) -> Payment:
    """Take in what a provider says of one of its orders; the payment as it stands then.

    Args:
        connector, reference: which provider speaks, of which of our orders.
        source: who brought the news.

    Raises:
        NotFound: no payment of ours has this reference at this provider.
    """
    async with db.transaction() as tx:
        payment, invoice = await _lock(tx, connector, reference)
        merchant = await _merchant(tx, payment)
        outcome = await _with_its_own_utr(tx, payment, outcome)
        event = event_of(outcome, payment, invoice, merchant.late_success)
        step = MACHINE.step(payment.state, event)
        if not step.moved:
            return payment
        after = _told(payment, step, outcome, at)
        await records.save(tx, after)
        await _keep_history(tx, after, step, outcome, source)
        await _move_money(tx, after, step, outcome, merchant, at)
        await _tell_invoice(tx, after, invoice, event, merchant, at)
        if after.state is State.RETURNING:
            await jobs.enqueue(tx, after.merchant_id, GIVE_BACK, str(after.id), {}, at)
    return after


async def _lock(tx: Connection, connector: str, reference: str) -> tuple[Payment, Invoice]:
    """The payment and its invoice, under the invoice's row lock, which every writer takes first."""
    owner = await records.owner_of_reference(tx, connector, reference)
    found = await records.find(tx, *owner) if owner else None
    if found is None:
        raise NotFound(f"{connector} speaks of {reference}, which is not ours")
    invoice = await invoices.lock(tx, found.merchant_id, found.invoice_id)
    payment = await records.find(tx, found.merchant_id, found.id)
    if invoice is None or payment is None:
        raise LawBroken(f"payment {found.id} without its invoice")
    return payment, invoice


async def _with_its_own_utr(tx: Connection, payment: Payment, outcome: Outcome) -> Outcome:
    """One transfer of the network pays one payment: a UTR that paid another one proves nothing."""
    utr = outcome.network_reference
    if outcome.kind is not Kind.CAPTURED or utr is None:
        return outcome
    realm = f"{payment.connector}:utr"
    owner = await records.claim_reference(tx, payment, realm, utr)
    if owner == payment.id:
        return outcome
    _log.error(
        "a UTR that paid another payment",
        extra={"connector": payment.connector, "payment": payment.id, "other": owner},
    )
    return unknown(f"its UTR paid payment {owner}", outcome.provider_reference)


async def _merchant(tx: Connection, payment: Payment) -> Merchant:
    merchant = await merchants.by_id(tx, payment.merchant_id)
    if merchant is None:
        raise LawBroken(f"payment {payment.id} without its merchant")
    return merchant


def _told(payment: Payment, step: Step[State], outcome: Outcome, at: datetime) -> Payment:
    return replace(
        payment,
        state=step.after,
        version=payment.version + 1,
        state_at=at,
        provider_reference=outcome.provider_reference or payment.provider_reference,
        network_reference=outcome.network_reference or payment.network_reference,
        link=outcome.link or payment.link,
        reason=outcome.reason if outcome.kind is Kind.DECLINED else payment.reason,
    )


async def _keep_history(
    tx: Connection, after: Payment, step: Step[State], outcome: Outcome, source: Source
) -> None:
    facts = {
        "amount": str(outcome.amount) if outcome.amount else None,
        "reason": outcome.reason,
        "failed_at": outcome.source,
        "step": outcome.step,
        "provider_reference": outcome.provider_reference,
        "network_reference": outcome.network_reference,
        "detail": outcome.detail,
        "said_at": outcome.at.isoformat(),
    }
    await records.add_news(
        tx,
        after,
        before=step.before,
        source=source,
        outcome=outcome.kind,
        facts={name: value for name, value in facts.items() if value},
    )


async def _move_money(
    tx: Connection,
    after: Payment,
    step: Step[State],
    outcome: Outcome,
    merchant: Merchant,
    at: datetime,
) -> None:
    if step.movement is None:
        return
    facts = movements.Facts(
        merchant_id=after.merchant_id,
        key=f"payment:{after.id}/{step.movement}",
        about=f"payment:{after.id}",
        at=at,
        connector=after.connector,
        charged=outcome.amount or after.charged,
        credited=after.amount,
        fee=merchant.fees.fee(after.amount),
    )
    await post.post(tx, movements.lines(step.movement, facts))


async def _tell_invoice(
    tx: Connection,
    after: Payment,
    invoice: Invoice,
    event: Event,
    merchant: Merchant,
    at: datetime,
) -> None:
    if event is Event.CREDIT:
        fee: Money = merchant.fees.fee(after.amount)
        await accept.accept(tx, invoice, charged=after.charged, fee=fee, at=at)
    elif after.direct and after.state is State.DECLINED:
        await step_invoice(tx, invoice, InvoiceEvent.FAIL, at)
    elif after.state not in IN_DOUBT:
        # The doubt that kept an old invoice from expiring may just have ended.
        await expire.expire(tx, invoice.merchant_id, invoice.id, at, records.has_doubt)
