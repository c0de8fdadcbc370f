"""Server to server: the payment starts with the invoice, and the reply tells how it stands."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.invoices import records
from nonstopay.business.invoices.create import Created
from nonstopay.business.invoices.invoice import STATUS
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments import records as payments
from nonstopay.business.payments.cards.attempt import CardAttempt
from nonstopay.business.payments.cards.start import start_card
from nonstopay.business.payments.crypto.standing import standing
from nonstopay.business.payments.crypto.start import start_crypto
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.start import NotPayable, Wish, start_upi
from nonstopay.business.payments.states import State


@dataclass(frozen=True, slots=True)
class Started:
    """What the merchant is told. `lasting`: a repeat of the call is to be told the very same."""

    answer: Mapping[str, Any]
    lasting: bool


async def pay_by_upi(
    gateway: Gateway, merchant: Merchant, created: Created, page_url: str
) -> Started:
    """The UPI link that the merchant shows."""
    # A repeat that finishes a call which was cut off may find the invoice paid already.
    with suppress(NotPayable):
        await start_upi(gateway.db, gateway.rails, merchant, created.id, Wish(direct=True))
    payment = await _current(gateway, merchant, created)
    assert payment is not None
    answer = {
        "redirectUrl": page_url,
        "status": await _status(gateway, merchant, created),
        "ID": str(created.id),
        "upiUri": payment.link,
        "expiresAt": clock.text(payment.expires_at),
    }
    # Without a link the provider has not answered yet: a repeat may know more.
    return Started(answer, lasting=payment.link is not None)


async def pay_by_card(
    gateway: Gateway, merchant: Merchant, created: Created, page_url: str, attempt: CardAttempt
) -> Started:
    """How the charge went; a payer who must prove himself is sent to his bank.

    A repeat that finishes a call which was cut off does not charge again: it tells what became of the
    first charge, and makes one only if there never was one.

    Raises:
        TooManyDeclines: nothing was charged; a repeat may be, later.
    """
    payment = await _current(gateway, merchant, created) if created.replayed else None
    if payment is None:
        with suppress(NotPayable):
            payment = await start_card(gateway.db, gateway.rails, merchant, created.id, attempt)
    waits = payment is not None and payment.state is State.WAITING
    answer = {
        "redirectUrl": payment.link if waits and payment and payment.link else page_url,
        "status": await _status(gateway, merchant, created),
        "ID": str(created.id),
    }
    return Started(answer, lasting=payment is None or payment.state is not State.STARTING)


async def pay_by_crypto(
    gateway: Gateway, merchant: Merchant, created: Created, page_url: str, coin: str
) -> Started:
    """The address, and how much of the coin is to be sent there."""
    with suppress(NotPayable):
        await start_crypto(
            gateway.db,
            gateway.rails,
            gateway.chains,
            merchant,
            created.id,
            coin,
            Wish(direct=True),
        )
    payment = await _current(gateway, merchant, created)
    assert payment is not None
    told = await standing(gateway.db, gateway.rails, gateway.chains, payment)
    answer = {
        "redirectUrl": page_url,
        "status": await _status(gateway, merchant, created),
        "ID": str(created.id),
        "address": told.address,
        "network": told.network.name,
        "coin": told.coin.ticker,
        "amountDue": told.missing.short_text(),
        "uri": told.uri,
        "expiresAt": clock.text(told.ends),
    }
    return Started(answer, lasting=True)


async def _current(gateway: Gateway, merchant: Merchant, created: Created) -> Payment | None:
    async with gateway.db.reading() as conn:
        return await payments.current(conn, merchant.id, created.id)


async def _status(gateway: Gateway, merchant: Merchant, created: Created) -> str:
    async with gateway.db.reading() as conn:
        invoice = await records.find(conn, merchant.id, created.id)
    assert invoice is not None
    return STATUS[invoice.state]
