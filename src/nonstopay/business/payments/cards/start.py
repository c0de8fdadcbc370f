"""Pay by card: one attempt at one provider, and at the next one only where that is safe.

The card's code lives in memory from the payer's form to the provider's door and is kept nowhere, so a
charge is never sent again: what became of one without an answer is asked, not tried. Another provider
is asked for the same payment only if the first one said no in a way that means no money has moved
(`declines.failover_allowed`), never after silence. Who is asked, and in which order, the rules of routing say
(`routing/`); whether anybody is, those of risk.
"""

from nonstopay import clock
from nonstopay.business.invoices import records as invoices
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments.cards.attempt import CardAttempt
from nonstopay.business.payments.cards.enter import enter
from nonstopay.business.payments.give_up import give_up
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.rails import Rails
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.business.payments.routing.choose import choose
from nonstopay.business.payments.routing.rule import Facts, Route, turns
from nonstopay.business.payments.start import NotPayable
from nonstopay.business.payments.states import State
from nonstopay.connectors import declines
from nonstopay.connectors.charge import Charge
from nonstopay.connectors.outcome import Outcome
from nonstopay.errors import NotFound
from nonstopay.store.db import Database


async def start_card(
    db: Database, rails: Rails, merchant: Merchant, invoice_id: int, attempt: CardAttempt
) -> Payment:
    """Charge a card for an invoice.

    Returns:
        The attempt as it stands: captured, authorised, waiting with the link of the 3-D Secure page,
        declined with a reason, or unknown until the provider is heard. If the payer sent his form
        twice, the attempt that the first one made.

    Raises:
        NotPayable: the invoice is paid, failed, expired or held, or no card can pay it here.
        TooManyDeclines: cards were refused too often, on this invoice or from this address.
    """
    if not rails.card:
        raise NotPayable("there is no card provider")
    at = clock.now()
    after = attempt.after
    for turn in turns(await _route(db, rails, merchant, invoice_id, attempt)):
        async with db.transaction() as tx:
            payment, is_to_charge = await enter(
                tx, rails, merchant, invoice_id, attempt, turn, after, at
            )
        if not is_to_charge:
            return payment
        said = await _charge(rails, merchant, payment, attempt)
        payment = await record_outcome(
            db, payment.connector, payment.reference, said, source="reply", at=clock.now()
        )
        if payment.state is not State.DECLINED or not _may_go_on(said):
            return payment
        after = payment.id
    async with db.transaction() as tx:
        await give_up(tx, payment, clock.now())
    return payment


async def _route(
    db: Database, rails: Rails, merchant: Merchant, invoice_id: int, attempt: CardAttempt
) -> Route:
    """Whom to ask: whom the merchant named, else by the rules of routing and by who works just now."""
    async with db.reading() as conn:
        invoice = await invoices.find(conn, merchant.id, invoice_id)
    if invoice is None:
        raise NotFound("invoice not found")
    facts = Facts(
        merchant_id=merchant.id,
        amount=invoice.amount,
        country=attempt.payer.country,
        brand=attempt.card.number.brand,
    )
    standing = await rails.board.standing(db)
    return choose(
        rails.routing, facts, list(rails.card), standing, invoice_id, named=invoice.solution
    )


def _may_go_on(said: Outcome) -> bool:
    """Whether this provider itself said no, to this call: what others heard of it is no answer."""
    return said.reason is not None and declines.failover_allowed(said.reason)


async def _charge(
    rails: Rails, merchant: Merchant, payment: Payment, attempt: CardAttempt
) -> Outcome:
    charge = Charge(
        reference=payment.reference,
        amount=payment.charged,
        card=attempt.card,
        payer=attempt.payer,
        browser=attempt.browser,
        capture=not payment.by_hand,
        payee_name=merchant.name,
        note=f"Invoice {payment.invoice_id}",
        return_url=rails.return_url(merchant.id, payment.invoice_id),
        notify_url=f"{rails.notify_url}card/{payment.connector}",
    )
    return await rails.card_connector(payment.connector).authorise(charge)
