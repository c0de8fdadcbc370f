"""Enter a card attempt: the one that is there already, or a new one, with its card in the vault.

The invoice's row is locked while we look, so a form sent twice, two tabs and the back button find the same
attempt. Whether cards were refused too often is asked when a payer sends his form, not when the next
provider is asked for the same attempt of his: that is one try.
"""

from datetime import datetime, timedelta

from nonstopay import ids
from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import CARD, Invoice
from nonstopay.business.invoices.states import PAYABLE
from nonstopay.business.invoices.states import Event as InvoiceEvent
from nonstopay.business.invoices.step import step
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments import records
from nonstopay.business.payments.cards import records as used_cards
from nonstopay.business.payments.cards.attempt import CardAttempt, UsedCard
from nonstopay.business.payments.cards.note import block, note_way
from nonstopay.business.payments.look_up import FIRST_LOOK, LOOK_UP
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.rails import Rails
from nonstopay.business.payments.routing.rule import Turn
from nonstopay.business.payments.start import NotPayable
from nonstopay.business.payments.states import EARNED, IN_DOUBT, State
from nonstopay.business.risk.address import counted_as
from nonstopay.business.risk.assess import assess
from nonstopay.business.risk.verdict import Decision, Subject
from nonstopay.errors import NotAllowed, NotFound
from nonstopay.money import Money
from nonstopay.store import jobs
from nonstopay.store.db import Connection
from nonstopay.store.vault.card import Card as VaultCard

DECLINES_OF_INVOICE_MAX = 10
DECLINES_OF_ADDRESS_MAX = 20
ADDRESS_WINDOW = timedelta(hours=1)
AT_PAR = "par"


class TooManyDeclines(NotAllowed):
    """Cards were refused too often here: somebody may be trying out stolen ones.

    Attributes:
        until: when the payer may try again; `None` is never on this invoice.
    """

    code = "too_many_declines"

    def __init__(self, until: datetime | None) -> None:
        super().__init__("too many cards were refused; try later or pay in another way")
        self.until = until


async def enter(
    tx: Connection,
    rails: Rails,
    merchant: Merchant,
    invoice_id: int,
    attempt: CardAttempt,
    turn: Turn,
    after: int,
    at: datetime,
) -> tuple[Payment, bool]:
    """The attempt to go on with, and whether its provider is to be asked now.

    Args:
        turn: whose turn it is; after the first one the payer's form is going on to the next provider.
        after: the last attempt that the payer, or the turn before, knows of.

    Raises:
        NotFound: the merchant has no such invoice.
        NotPayable: the invoice is paid, failed, expired or held.
        TooManyDeclines: cards were refused too often, on this invoice or from this address.
    """
    invoice = await invoices.lock(tx, merchant.id, invoice_id)
    if invoice is None:
        raise NotFound("invoice not found")
    current = await records.current(tx, merchant.id, invoice_id)
    if current is not None and _answers(current, after, at):
        return current, False
    if invoice.state not in PAYABLE or invoice.expires_at <= at:
        raise NotPayable(f"invoice {invoice_id} is not open for payment")
    await step(tx, invoice, InvoiceEvent.OPEN, at)
    if turn.place == 1:
        payer_ip = counted_as(attempt.browser.ip)
        await _refuse_card_testing(tx, merchant.id, invoice_id, payer_ip, at)
    payment = await _new_attempt(tx, rails, merchant, invoice, attempt, turn.connector, at)
    used = await _used(tx, rails, payment, attempt, at)
    verdict = await assess(tx, rails.risk, _subject(payment, used, attempt), payment.id, at)
    if verdict.decision is Decision.BLOCK:
        return await block(tx, payment, used, verdict, at), False
    await records.insert(tx, payment)
    await used_cards.insert(tx, used)
    await note_way(tx, payment, turn, verdict)
    await jobs.enqueue(
        tx, merchant.id, LOOK_UP, str(payment.id), {"payment": payment.id}, at + FIRST_LOOK
    )
    return payment, True


def _subject(payment: Payment, used: UsedCard, attempt: CardAttempt) -> Subject:
    return Subject(
        merchant_id=payment.merchant_id,
        invoice_id=payment.invoice_id,
        fingerprint=used.fingerprint,
        first6=used.first6,
        email=attempt.payer.email.strip().lower(),
        payer_ip=attempt.browser.ip,
        payer_country=attempt.payer.country,
    )


def _answers(current: Payment, after: int, at: datetime) -> bool:
    """Whether the payer gets an attempt that is there already.

    He does while its money is in doubt, also of a charge that was sent and never answered, and if he
    sends again the form that made it. A payment by another method that waits for him is his to leave.
    """
    if current.state in IN_DOUBT:
        return True
    if current.method != CARD.name:
        return False
    if current.state is State.STARTING:
        return True
    if current.id <= after:
        return False
    return current.state in EARNED or current.started_at > at - FIRST_LOOK


async def _refuse_card_testing(
    tx: Connection, merchant_id: int, invoice_id: int, payer_ip: str | None, at: datetime
) -> None:
    lately = await used_cards.declines(tx, merchant_id, invoice_id, payer_ip, at - ADDRESS_WINDOW)
    if lately.of_invoice >= DECLINES_OF_INVOICE_MAX:
        raise TooManyDeclines(None)
    if lately.of_address >= DECLINES_OF_ADDRESS_MAX and lately.oldest is not None:
        raise TooManyDeclines(lately.oldest + ADDRESS_WINDOW)


async def _new_attempt(
    tx: Connection,
    rails: Rails,
    merchant: Merchant,
    invoice: Invoice,
    attempt: CardAttempt,
    connector: str,
    at: datetime,
) -> Payment:
    payment_id = await records.next_id(tx)
    nothing = Money(0, invoice.amount.currency)
    return Payment(
        merchant_id=invoice.merchant_id,
        id=payment_id,
        invoice_id=invoice.id,
        method=CARD.name,
        connector=connector,
        reference=f"NSP{payment_id}C{ids.number_text(10)}",
        state=State.STARTING,
        version=1,
        direct=attempt.direct,
        amount=invoice.amount,
        charged=invoice.amount,
        authorised=nothing,
        captured=nothing,
        voided=nothing,
        refunded=nothing,
        by_hand=merchant.captures_by_hand,
        rate=records.ONE,
        rate_source=AT_PAR,
        rate_at=at,
        provider_reference=None,
        network_reference=None,
        link=None,
        reason=None,
        started_at=at,
        state_at=at,
        expires_at=min(at + rails.card_lifetime, invoice.expires_at),
    )


async def _used(
    tx: Connection, rails: Rails, payment: Payment, attempt: CardAttempt, at: datetime
) -> UsedCard:
    """The card goes into the vault; what may be shown of it stays with the payment."""
    card = attempt.card
    kept = await rails.vault.keep(
        tx,
        payment.merchant_id,
        VaultCard(
            number=card.number,
            expiry_month=card.expiry_month,
            expiry_year=card.expiry_year,
            holder=card.holder,
        ),
        at,
    )
    return UsedCard(
        merchant_id=payment.merchant_id,
        payment_id=payment.id,
        card_id=kept.id,
        brand=kept.brand,
        first6=kept.first6,
        last4=kept.last4,
        expiry_month=kept.expiry_month,
        expiry_year=kept.expiry_year,
        fingerprint=kept.fingerprint,
        authentication=None,
        payer_ip=counted_as(attempt.browser.ip),
    )
