"""What is owed to a payer: the books know, also when it was not what we had asked."""

from nonstopay.business.payments.payment import Payment
from nonstopay.ledger import balances
from nonstopay.ledger.chart import PAYER
from nonstopay.money import Money
from nonstopay.store.db import Connection


async def owed(conn: Connection, payment: Payment) -> Money:
    """What came of a payment that is being given back, or was; in the payer's currency."""
    lines = await balances.statement(conn, payment.merchant_id, f"payment:{payment.id}")
    return next(line.transfer.amount for line in lines if line.transfer.credit == PAYER)
