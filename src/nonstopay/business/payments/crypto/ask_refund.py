"""The payer names an address to which what paid for nothing goes back."""

from datetime import datetime

from nonstopay.business.deposits import records as deposit_records
from nonstopay.business.deposits.chains import Chains, family_of
from nonstopay.business.invoices import records as invoices
from nonstopay.business.payments import records
from nonstopay.business.payments.crypto import records as crypto
from nonstopay.business.payments.crypto.refund import Refund
from nonstopay.business.payments.crypto.standing import refundable_of
from nonstopay.connectors.crypto.receiving import read_address
from nonstopay.errors import Conflict, InvalidInput, NotFound
from nonstopay.store import jobs
from nonstopay.store.db import Database

SEND_BACK = "payment:send-back"
"""The job that sends a refund; its key is the refund's number."""


class NothingToRefund(Conflict):
    """There is nothing left to give back."""

    code = "nothing_to_refund"


async def ask_refund(
    db: Database, chains: Chains, merchant_id: int, payment_id: int, address: str, at: datetime
) -> Refund:
    """Have all that is refundable of a payment sent to this address.

    Twice at one moment is once: the invoice's row is locked, and what was asked for is not left.

    Raises:
        NotFound: the merchant has no such payment by crypto.
        InvalidInput: this is no address of the payment's network, or one of ours.
        NothingToRefund: nothing is left of it, or it still takes money.
    """
    async with db.reading() as conn:
        payment = await records.find(conn, merchant_id, payment_id)
    if payment is None:
        raise NotFound("payment not found")
    coin = chains.coin(payment.charged.currency.code)
    network = chains.network(coin.network)
    wanted = read_address(network, address)
    async with db.transaction() as tx:
        await invoices.lock(tx, merchant_id, payment.invoice_id)
        if await deposit_records.owners(tx, family_of(network), [wanted]):
            raise InvalidInput("address", "it is one of ours: name one of your own")
        left = await refundable_of(tx, merchant_id, payment_id)
        if left is None:
            raise NothingToRefund(f"nothing of payment {payment_id} is left to give back")
        refund = await crypto.insert_refund(tx, payment, network.name, left, wanted, at)
        await jobs.enqueue(tx, merchant_id, SEND_BACK, str(refund.id), {}, at)
    return refund
