"""The payer is back from 3-D Secure: ask the provider at once what became of his payment.

What his browser carries proves nothing; the connector's answer does. The notification may have been
faster, or come later, or twice: it is the same news, told once.
"""

from collections.abc import Mapping

from nonstopay import clock
from nonstopay.business.invoices.invoice import CARD
from nonstopay.business.payments import records
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.rails import Rails, paid
from nonstopay.business.payments.record_outcome import record_outcome
from nonstopay.business.payments.states import State
from nonstopay.store.db import Database

# Not STARTING: a charge that is on its way is one that its provider has not heard of yet.
_UNDECIDED = frozenset({State.WAITING, State.PROCESSING, State.UNKNOWN})


async def come_back(
    db: Database, rails: Rails, merchant_id: int, invoice_id: int, returned: Mapping[str, str]
) -> Payment | None:
    """The invoice's payment after the payer's return; `None` if he never paid by card.

    Args:
        returned: the parameters with which the issuer sent him back.
    """
    async with db.reading() as conn:
        payment = await records.current(conn, merchant_id, invoice_id)
    if payment is None or payment.method != CARD.name or payment.state not in _UNDECIDED:
        return payment
    connector = rails.card_connector(payment.connector)
    outcome = await connector.complete(paid(payment), returned)
    return await record_outcome(
        db, payment.connector, payment.reference, outcome, source="return", at=clock.now()
    )
