"""Start a payment by crypto: the attempt the payer already has, or a new one with an address and a price.

Nobody outside is asked. Reloading, a second tab and a double click find the same attempt, because the
invoice's row is locked while we look. Another coin is another attempt; on networks of one family it has the
same address.
"""

from datetime import datetime

from nonstopay import clock, ids
from nonstopay.business.deposits.chains import Chains
from nonstopay.business.deposits.derive import derive
from nonstopay.business.exchange.rate import Quote
from nonstopay.business.invoices import records as invoices
from nonstopay.business.invoices.invoice import CRYPTO, Invoice
from nonstopay.business.invoices.states import PAYABLE
from nonstopay.business.invoices.states import Event as InvoiceEvent
from nonstopay.business.invoices.step import step
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments import records
from nonstopay.business.payments.crypto.offered import offered
from nonstopay.business.payments.crypto.price import price
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.rails import Rails
from nonstopay.business.payments.start import NotPayable, Wish
from nonstopay.business.payments.states import IN_DOUBT, State
from nonstopay.connectors.crypto.networks import Coin
from nonstopay.errors import NotFound
from nonstopay.money import Money
from nonstopay.store import jobs
from nonstopay.store.db import Connection, Database

TIME_UP = "payment:time-up"
"""The job that looks at a payment when its rate does not hold any more; its key is the invoice's number."""


async def start_crypto(
    db: Database,
    rails: Rails,
    chains: Chains,
    merchant: Merchant,
    invoice_id: int,
    coin_name: str,
    wish: Wish,
) -> Payment:
    """The attempt with which the payer can pay now in this coin, waiting.

    Raises:
        NotFound: there is no such invoice, or the coin is not offered for it.
        NotPayable: the invoice is paid, failed, expired or held, or something came in another coin.
        RateMissing, RateTooOld: nobody knows what the coin is worth now.
    """
    at = clock.now()
    async with db.reading() as conn:
        invoice = await invoices.find(conn, merchant.id, invoice_id)
        if invoice is None:
            raise NotFound("invoice not found")
        coin = _offered(chains, merchant, invoice, coin_name)
        asked = await price(conn, invoice.amount, coin, max_age=rails.coin_rate_max_age)
    async with db.transaction() as tx:
        return await _find_or_insert(tx, rails, chains, invoice, coin, asked, wish, at)


def _offered(chains: Chains, merchant: Merchant, invoice: Invoice, name: str) -> Coin:
    for coin in offered(chains, merchant, invoice):
        if coin.name == name:
            return coin
    raise NotFound(f"{name} is not offered for this invoice")


async def _find_or_insert(
    tx: Connection,
    rails: Rails,
    chains: Chains,
    invoice: Invoice,
    coin: Coin,
    asked: Quote,
    wish: Wish,
    at: datetime,
) -> Payment:
    locked = await invoices.lock(tx, invoice.merchant_id, invoice.id)
    if locked is None or locked.state not in PAYABLE or locked.expires_at <= at:
        raise NotPayable(f"invoice {invoice.id} is not open for payment")
    current = await records.current(tx, invoice.merchant_id, invoice.id)
    if current is not None and _serves(current, coin, wish, at):
        return current
    if current is not None and current.state in IN_DOUBT:
        raise NotPayable(f"what came for invoice {invoice.id} is not sure yet")
    await step(tx, locked, InvoiceEvent.OPEN, at)
    return await insert_attempt(tx, rails, chains, locked, coin, asked, direct=wish.direct, at=at)


def _serves(current: Payment, coin: Coin, wish: Wish, at: datetime) -> bool:
    if current.method != CRYPTO.name or current.charged.currency != coin.currency:
        return False
    return current.is_usable(at) and (wish.after != current.id or current.state in IN_DOUBT)


async def insert_attempt(
    tx: Connection,
    rails: Rails,
    chains: Chains,
    invoice: Invoice,
    coin: Coin,
    asked: Quote,
    *,
    direct: bool,
    at: datetime,
) -> Payment:
    """A new attempt of a locked invoice, with its address; the worker looks when its time is up."""
    await derive(tx, chains, invoice.merchant_id, invoice.id, coin.network, at)
    payment_id = await records.next_id(tx)
    nothing = Money(0, invoice.amount.currency)
    payment = Payment(
        merchant_id=invoice.merchant_id,
        id=payment_id,
        invoice_id=invoice.id,
        method=CRYPTO.name,
        connector=f"chain_{coin.network}",
        reference=f"NSP{payment_id}D{ids.number_text(10)}",
        state=State.WAITING,
        version=1,
        direct=direct,
        amount=invoice.amount,
        charged=asked.converted,
        authorised=nothing,
        captured=nothing,
        voided=nothing,
        refunded=nothing,
        by_hand=False,
        rate=asked.stored_rate(),
        rate_source=asked.source,
        rate_at=asked.at,
        provider_reference=None,
        network_reference=None,
        link=None,
        reason=None,
        started_at=at,
        state_at=at,
        expires_at=min(at + rails.coin_lifetime, invoice.expires_at),
    )
    await records.insert(tx, payment)
    await jobs.enqueue(tx, payment.merchant_id, TIME_UP, str(invoice.id), {}, payment.expires_at)
    return payment
