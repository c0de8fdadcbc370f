"""Start a payment: find the attempt the payer already has, or make one and open it at the provider.

Reloading, a second tab, the back button and a double click all come through here and find the same
attempt: the invoice's row is locked while we look. The provider is called with no transaction open,
under our reference, which is its idempotency key: a start that was cut off is simply called again.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

import msgspec

from nonstopay import clock, ids
from nonstopay.business.exchange.quote import quote
from nonstopay.business.exchange.rate import Quote
from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import UPI, Invoice
from nonstopay.business.invoices.states import PAYABLE
from nonstopay.business.invoices.states import Event as InvoiceEvent
from nonstopay.business.invoices.step import step
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments import records
from nonstopay.business.payments.health.health import Standing
from nonstopay.business.payments.look_up import FIRST_LOOK, LOOK_UP
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.rails import Rails
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.business.payments.states import IN_DOUBT, State
from nonstopay.connectors.base import Order
from nonstopay.connectors.outcome import Kind, Outcome, unknown
from nonstopay.connectors.upi.link import refusals
from nonstopay.errors import Conflict, NotFound
from nonstopay.money import Money, fiat
from nonstopay.store import jobs
from nonstopay.store.db import Connection, Database

_log = logging.getLogger(__name__)


class NotPayable(Conflict):
    """The invoice is not open for payment any more."""

    code = "not_payable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which attempt the payer wants.

    Attributes:
        after: he has seen this attempt and asks for a new one; 0 means any that is usable.
        direct: server to server.
    """

    after: int = 0
    direct: bool = False


async def start_upi(
    db: Database, rails: Rails, merchant: Merchant, invoice_id: int, wish: Wish
) -> Payment:
    """The UPI attempt with which the payer can pay now.

    Returns:
        Usually waiting, with its link; still starting if the provider did not answer.

    Raises:
        NotPayable: the invoice is paid, failed, expired or held.
        RateTooOld: no fresh enough exchange rate.
    """
    at = clock.now()
    async with db.reading() as conn:
        invoice = await invoices.find(conn, merchant.id, invoice_id)
        if invoice is None:
            raise NotFound("invoice not found")
        price = await quote(conn, invoice.amount, fiat("INR"), max_age=rails.rate_max_age)
    standing = await rails.board.standing(db)
    async with db.transaction() as tx:
        payment = await _find_or_insert(tx, rails, standing, invoice, price, wish, at)
    if payment.state is State.STARTING:
        payment = await open_order(db, rails, merchant, payment)
    return payment


async def open_order(db: Database, rails: Rails, merchant: Merchant, payment: Payment) -> Payment:
    """Open the order at the provider, again if need be; what we know of the payment then."""
    connector = rails.upi_connector(payment.connector)
    order = await _order(db, rails, merchant, payment)
    outcome = _without_bad_link(payment, await connector.start(order))
    if outcome.kind is not Kind.WAITING:
        # Two starts at one moment: the other one may have got the link meanwhile.
        async with db.reading() as conn:
            known = await records.find(conn, payment.merchant_id, payment.id)
        if known is not None and known.state is not State.STARTING:
            return known
    return await record_outcome(
        db, payment.connector, payment.reference, outcome, source="reply", at=clock.now()
    )


async def _order(db: Database, rails: Rails, merchant: Merchant, payment: Payment) -> Order:
    """What the provider is asked to collect, and what was told of the payer."""
    async with db.reading() as conn:
        invoice = await invoices.find(conn, merchant.id, payment.invoice_id)
        told, sealed = await invoices.personal_details(conn, merchant.id, payment.invoice_id)
    details = msgspec.json.decode(told, type=dict[str, str]) if told else {}
    return Order(
        reference=payment.reference,
        amount=payment.charged,
        payee_name=merchant.name,
        note=f"Invoice {payment.invoice_id}",
        expires_at=payment.expires_at,
        notify_url=f"{rails.notify_url}upi/{payment.connector}",
        payer_name=details.get("name"),
        payer_email=invoice.email if invoice else None,
        payer_phone=details.get("phone"),
        payer_identity=rails.identity(merchant.id, sealed) if sealed else None,
    )


def _without_bad_link(payment: Payment, outcome: Outcome) -> Outcome:
    """A link that apps would refuse, or that asks for another amount, is shown to nobody."""
    wrong = refusals(outcome.link, payment.charged) if outcome.link else []
    if outcome.kind is not Kind.WAITING or not wrong:
        return outcome
    _log.error(
        "a provider's UPI link cannot be paid",
        extra={"connector": payment.connector, "payment": payment.id, "problems": wrong},
    )
    return unknown("its link cannot be paid: " + "; ".join(wrong), outcome.provider_reference)


async def _find_or_insert(
    tx: Connection,
    rails: Rails,
    standing: Standing,
    invoice: Invoice,
    price: Quote,
    wish: Wish,
    at: datetime,
) -> Payment:
    locked = await invoices.lock(tx, invoice.merchant_id, invoice.id)
    if locked is None or locked.state not in PAYABLE or locked.expires_at <= at:
        raise NotPayable(f"invoice {invoice.id} is not open for payment")
    if wish.direct:
        # The merchant shows the payment himself: asking for it is opening it.
        await step(tx, locked, InvoiceEvent.OPEN, at)
    current = await records.current(tx, invoice.merchant_id, invoice.id)
    named = [one for one in rails.upi if one == invoice.solution]
    connector = standing.choose(UPI.name, named or list(rails.upi), invoice.id)
    if current and current.method == UPI.name and _serves(current, connector, wish, at):
        return current
    payment = await _new_attempt(tx, rails, connector, invoice, price, wish, at)
    await records.insert(tx, payment)
    await jobs.enqueue(
        tx, payment.merchant_id, LOOK_UP, str(payment.id), {"payment": payment.id}, at + FIRST_LOOK
    )
    return payment


def _serves(current: Payment, connector: str, wish: Wish, at: datetime) -> bool:
    """Whether the payer gets the current attempt: it is usable, and he did not ask for another.

    An order that a provider never opened is left to it when another provider is to be asked: nobody
    was given a link to pay it by.
    """
    asked_for_new = wish.after == current.id and current.state not in IN_DOUBT
    left = current.state is State.STARTING and current.connector != connector
    return current.is_usable(at) and not asked_for_new and not left


async def _new_attempt(
    tx: Connection,
    rails: Rails,
    connector: str,
    invoice: Invoice,
    price: Quote,
    wish: Wish,
    at: datetime,
) -> Payment:
    payment_id = await records.next_id(tx)
    nothing = Money(0, invoice.amount.currency)
    return Payment(
        merchant_id=invoice.merchant_id,
        id=payment_id,
        invoice_id=invoice.id,
        method=UPI.name,
        connector=connector,
        reference=f"NSP{payment_id}X{ids.number_text(10)}",
        state=State.STARTING,
        version=1,
        direct=wish.direct,
        amount=invoice.amount,
        charged=price.converted,
        authorised=nothing,
        captured=nothing,
        voided=nothing,
        refunded=nothing,
        by_hand=False,
        rate=price.stored_rate(),
        rate_source=price.source,
        rate_at=price.at,
        provider_reference=None,
        network_reference=None,
        link=None,
        reason=None,
        started_at=at,
        state_at=at,
        expires_at=min(at + rails.upi_lifetime, invoice.expires_at),
    )
