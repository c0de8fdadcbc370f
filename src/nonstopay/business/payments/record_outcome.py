"""The one verb by which news of a payment enters, whoever brings it.

A provider's reply, its notification, our look-up and the operator all come through here. In one
transaction: the payment's step, the movement that its arrow names, the invoice's step with its event,
the job that follows, and a line of the payment's history. The same news again changes nothing.
"""

import logging
from dataclasses import replace
from datetime import datetime

from nonstopay.business.invoices import expire
from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import CARD, Invoice
from nonstopay.business.merchants import records as merchants
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments import records
from nonstopay.business.payments.captures import records as captures
from nonstopay.business.payments.credit import credit
from nonstopay.business.payments.give_up import give_up, is_given_up
from nonstopay.business.payments.judge import event_of
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.returns.owed import owed
from nonstopay.business.payments.run_out import has_rest, run_out
from nonstopay.business.payments.states import IN_DOUBT, Event, State, machine_of
from nonstopay.business.payments.step import Source, enqueue_what_follows
from nonstopay.connectors.declines import failover_allowed
from nonstopay.connectors.outcome import Kind, Outcome, unknown
from nonstopay.errors import LawBroken, NotFound
from nonstopay.ledger import movements, post
from nonstopay.state_machine import Step
from nonstopay.store.db import Connection, Database

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
        return await record(tx, connector, reference, outcome, source=source, at=at)


async def record(
    tx: Connection,
    connector: str,
    reference: str,
    outcome: Outcome,
    *,
    source: Source,
    at: datetime,
) -> Payment:
    """`record_outcome` in the caller's transaction."""
    payment, invoice = await _lock(tx, connector, reference)
    if await _has_run_out(tx, payment, outcome):
        return await run_out(tx, payment, source, at)
    if outcome.kind is Kind.CAPTURED and await _is_taken_in_parts(tx, payment):
        return payment
    merchant = await _merchant(tx, payment)
    outcome = await _with_its_own_utr(tx, payment, outcome)
    outcome = await _of_what_is_owed(tx, payment, outcome)
    event = event_of(outcome, payment, invoice, merchant.late_success)
    if event is Event.LET_GO and await captures.is_under_way(tx, payment.merchant_id, payment.id):
        return payment  # what it takes is heard of first
    step = machine_of(payment.method).step(payment.state, event)
    if not step.moved:
        return payment
    after = _told(payment, step, event, outcome, at)
    await records.save(tx, after)
    if after.provider_reference and after.provider_reference != payment.provider_reference:
        own = records.providers_own(after.connector)
        await records.claim_reference(tx, after, own, after.provider_reference)
    await _keep_history(tx, after, step, outcome, source)
    if event is Event.CREDIT:
        await credit(
            tx,
            merchant,
            invoice,
            after,
            charged=after.charged,
            credited=after.amount,
            key=movements.CAPTURE,
            at=at,
        )
    else:
        await _move_money(tx, after, step, outcome, at)
        await _tell_invoice(tx, after, step, invoice, source, at)
    await enqueue_what_follows(tx, after, at)
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


async def _is_taken_in_parts(tx: Connection, payment: Payment) -> bool:
    """What is reserved for the merchant's word is booked part by part, by `captures/`.

    If we asked for no part and it was captured all the same, somebody did that at the provider's desk.
    """
    if not payment.by_hand or not payment.authorised.minor:
        return False
    return await captures.is_ours_to_take(tx, payment.merchant_id, payment.id)


async def _has_run_out(tx: Connection, payment: Payment, outcome: Outcome) -> bool:
    """Whether nothing more can be taken of a payment that was taken in part.

    A provider that speaks of the whole payment must have taken what we know of, and no part on its way.
    """
    if not has_rest(payment):
        return False
    if outcome.kind in (Kind.VOIDED, Kind.EXPIRED):
        return True
    if outcome.kind is not Kind.CAPTURED or outcome.left is None or outcome.left.minor:
        return False
    is_all_known = outcome.amount == payment.captured
    return is_all_known and not await captures.is_under_way(tx, payment.merchant_id, payment.id)


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


async def _of_what_is_owed(tx: Connection, payment: Payment, outcome: Outcome) -> Outcome:
    """A refund of another amount than is owed to the payer is none: somebody must look into it."""
    if outcome.kind is not Kind.REFUNDED or payment.state is not State.RETURNING:
        return outcome
    amount = await owed(tx, payment)
    if outcome.amount == amount:
        return outcome
    _log.error(
        "a refund of another amount than is owed",
        extra={
            "connector": payment.connector,
            "merchant": payment.merchant_id,
            "payment": payment.id,
            "owed": str(amount),
            "refunded": str(outcome.amount),
        },
    )
    return unknown(f"it refunded {outcome.amount}", outcome.provider_reference)


async def _merchant(tx: Connection, payment: Payment) -> Merchant:
    merchant = await merchants.by_id(tx, payment.merchant_id)
    if merchant is None:
        raise LawBroken(f"payment {payment.id} without its merchant")
    return merchant


def _told(
    payment: Payment, step: Step[State], event: Event, outcome: Outcome, at: datetime
) -> Payment:
    authorised, captured, voided = payment.authorised, payment.captured, payment.voided
    if event is Event.AUTHORISED:
        authorised = payment.amount
    if event is Event.CREDIT:
        authorised = captured = payment.amount
        voided = authorised - captured
    if step.after is State.VOIDED:
        voided = authorised - captured
    return replace(
        payment,
        authorised=authorised,
        captured=captured,
        voided=voided,
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
    )
    await post.post(tx, movements.lines(step.movement, facts))


def _another_is_asked(after: Payment, step: Step[State], source: Source) -> bool:
    """Whether the refused card goes on to the next provider at once (`cards/start.py`).

    Only while the payer's call runs: its code is gone with it. If that dies on the way, the look-up
    gives the invoice up.
    """
    return (
        source == "reply"
        and after.method == CARD.name
        and step.before is State.STARTING
        and after.reason is not None
        and failover_allowed(after.reason)
    )


async def _tell_invoice(
    tx: Connection,
    after: Payment,
    step: Step[State],
    invoice: Invoice,
    source: Source,
    at: datetime,
) -> None:
    if is_given_up(after) and not _another_is_asked(after, step, source):
        await give_up(tx, after, at)
    elif after.state not in IN_DOUBT:
        # The doubt that kept an old invoice from expiring may just have ended.
        await expire.expire(tx, invoice.merchant_id, invoice.id, at, records.has_doubt)
