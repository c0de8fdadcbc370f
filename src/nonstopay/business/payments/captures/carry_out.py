"""Send a capture to the provider, and take in what it says of it."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from nonstopay import clock
from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import Invoice
from nonstopay.business.merchants import records as merchants
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments import records as payments
from nonstopay.business.payments.captures import records
from nonstopay.business.payments.captures.capture import Capture
from nonstopay.business.payments.captures.states import MACHINE, Event, State
from nonstopay.business.payments.credit import credit
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.rails import Rails, paid
from nonstopay.business.payments.states import Event as PaymentEvent
from nonstopay.business.payments.states import State as PaymentState
from nonstopay.business.payments.states import machine_of
from nonstopay.business.payments.step import step_by_hand
from nonstopay.connectors.outcome import Kind, Outcome
from nonstopay.errors import LawBroken, NotFound
from nonstopay.ledger import movements, post
from nonstopay.ledger.movements import Facts
from nonstopay.store.db import Connection, Database

_PAUSE = timedelta(seconds=5)
_PAUSE_MAX = timedelta(hours=1)
_EVENTS = {Kind.CAPTURED: Event.CAPTURED, Kind.CAPTURE_REFUSED: Event.REFUSED}
_GOES_BACK = frozenset({PaymentState.RETURNING, PaymentState.RETURNED})
_log = logging.getLogger(__name__)


async def carry_out(
    db: Database,
    rails: Rails,
    merchant_id: int,
    payment_id: int,
    number: int,
    *,
    attempts: int,
    at: datetime,
) -> datetime | None:
    """Ask the provider once; when to ask again, or `None` when the capture is decided.

    Parts are asked for one after the other, for the last one lets the rest go.
    """
    async with db.reading() as conn:
        payment = await _payment(conn, merchant_id, payment_id)
        capture = await _capture(conn, payment, number)
        is_next = await records.next_one(conn, merchant_id, payment_id) == number
    if capture.state is not State.ASKED:
        return None
    if not is_next:
        return at + _PAUSE
    outcome = await _ask(rails, payment, capture)
    capture = await record_capture(db, merchant_id, payment_id, number, outcome, at=at)
    if capture.state is not State.ASKED:
        return None
    return at + min(_PAUSE * (1 << min(attempts, 12)), _PAUSE_MAX)


async def _ask(rails: Rails, payment: Payment, capture: Capture) -> Outcome:
    if payment.state in _GOES_BACK:
        # An earlier part goes back, for the invoice was paid in another way: no more is taken.
        return Outcome(kind=Kind.CAPTURE_REFUSED, at=clock.now(), detail="invoice_paid")
    connector = rails.card_connector(payment.connector)
    return await connector.capture(paid(payment), capture.key, capture.amount, final=capture.final)


async def record_capture(
    db: Database,
    merchant_id: int,
    payment_id: int,
    number: int,
    outcome: Outcome,
    *,
    at: datetime,
) -> Capture:
    """Take in what a provider says of a capture, by reply or notification; the capture then.

    Raises:
        NotFound: the merchant has no such capture.
    """
    async with db.transaction() as tx:
        found = await _payment(tx, merchant_id, payment_id)
        invoice = await invoices.lock(tx, merchant_id, found.invoice_id)
        merchant = await merchants.by_id(tx, merchant_id)
        payment = await _payment(tx, merchant_id, payment_id)
        capture = await _capture(tx, payment, number)
        if invoice is None or merchant is None:
            raise LawBroken(f"payment {payment_id} without its invoice or merchant")
        event = _EVENTS.get(outcome.kind)
        if event is None or not _is_the_sum(capture, outcome):
            return capture
        step = MACHINE.step(capture.state, event)
        if not step.moved:
            return capture
        reason = outcome.detail if event is Event.REFUSED else None
        after = replace(
            capture, state=step.after, version=capture.version + 1, state_at=at, reason=reason
        )
        await records.save(tx, after)
        if after.state is State.DONE:
            await _book(tx, merchant, invoice, payment, after, at)
    return after


async def _book(
    tx: Connection,
    merchant: Merchant,
    invoice: Invoice,
    payment: Payment,
    part: Capture,
    at: datetime,
) -> None:
    """The merchant is credited, unless another payment paid the invoice before the first part came."""
    if payment.state in _GOES_BACK:
        _log.error("a part was taken of what goes back", extra={"payment": payment.id})
        return
    if not payment.captured.minor and invoice.paid_at is not None:
        await _return(tx, payment, part, at)
        return
    grown = _grown(payment, part, at)
    await payments.save(tx, grown)
    await credit(
        tx,
        merchant,
        invoice,
        grown,
        charged=part.amount,
        credited=part.amount,
        key=f"{movements.CAPTURE}/{part.number}",
        at=at,
    )


async def _return(tx: Connection, payment: Payment, part: Capture, at: datetime) -> None:
    await step_by_hand(tx, payment, PaymentEvent.RETURN, at, source="reply")
    facts = Facts(
        merchant_id=payment.merchant_id,
        key=f"payment:{payment.id}/{movements.CAPTURE_TO_RETURN}",
        about=f"payment:{payment.id}",
        at=at,
        connector=payment.connector,
        charged=part.amount,
    )
    await post.post(tx, movements.lines(movements.CAPTURE_TO_RETURN, facts))


def _grown(payment: Payment, capture: Capture, at: datetime) -> Payment:
    """The payment with one more part of it captured, and the rest let go if it was the last."""
    first = machine_of(payment.method).step(payment.state, PaymentEvent.PART_CAPTURED)
    captured = payment.captured + capture.amount
    rest = payment.authorised - captured
    return replace(
        payment,
        state=first.after,
        state_at=at,
        version=payment.version + 1,
        captured=captured,
        voided=rest if capture.final else min(payment.voided, rest),
    )


def _is_the_sum(capture: Capture, outcome: Outcome) -> bool:
    """What the provider says it took must be what we asked for."""
    if outcome.kind is not Kind.CAPTURED or outcome.amount in (None, capture.amount):
        return True
    _log.error(
        "a provider captured another sum",
        extra={
            "payment": capture.payment_id,
            "asked": str(capture.amount),
            "said": str(outcome.amount),
        },
    )
    return False


async def _payment(conn: Connection, merchant_id: int, payment_id: int) -> Payment:
    payment = await payments.find(conn, merchant_id, payment_id)
    if payment is None:
        raise NotFound(f"there is no payment {payment_id}")
    return payment


async def _capture(conn: Connection, payment: Payment, number: int) -> Capture:
    capture = await records.find(
        conn, payment.merchant_id, payment.id, number, payment.amount.currency
    )
    if capture is None:
        raise NotFound(f"payment {payment.id} has no capture {number}")
    return capture
