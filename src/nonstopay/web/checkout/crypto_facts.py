"""What a page must know of an invoice's payments by crypto; gathered anew each time it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from nonstopay.business.assembly import Gateway
from nonstopay.business.deposits import records as deposits
from nonstopay.business.deposits.deposit import missing
from nonstopay.business.invoices.invoice import CRYPTO, Invoice
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments import records as payments
from nonstopay.business.payments.crypto.offered import offered
from nonstopay.business.payments.crypto.standing import Standing, standing
from nonstopay.business.payments.payment import Payment
from nonstopay.web.checkout.coins import choices
from nonstopay.web.checkout.crypto_page import Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class CryptoFacts:
    """What there is of crypto.

    Attributes:
        choices: the coins the payer may choose from.
        current: how it stands with the attempt that counts, if it is one by crypto.
        left: an earlier attempt, of which the payer may have something back.
        is_frozen: a chain took back something that was sure, and somebody must look.
    """

    choices: Sequence[Choice] = ()
    current: Standing | None = None
    left: Standing | None = None
    is_frozen: bool = False

    def refundable(self, payment_id: int) -> Payment | None:
        """The attempt with this number, if the payer may have something of it back."""
        for one in (self.current, self.left):
            if one and one.payment.id == payment_id and one.refundable:
                return one.payment
        return None


async def crypto_facts(
    gateway: Gateway, merchant: Merchant, invoice: Invoice, current: Payment | None
) -> CryptoFacts:
    """The facts as they are now; `current` is the attempt that counts, by whatever method."""
    async with gateway.db.reading() as conn:
        attempts = await payments.of_invoice(conn, merchant.id, invoice.id, CRYPTO.name)
        came = await deposits.of_invoice(conn, merchant.id, invoice.id) if attempts else []
    known = {one.id: await _standing(gateway, one) for one in attempts}
    shown = known.pop(current.id, None) if current else None
    to_have_back = [one for one in known.values() if one.refundable or one.refund_address]
    return CryptoFacts(
        choices=choices(
            gateway.chains.networks,
            offered(gateway.chains, merchant, invoice),
            invoice.amount,
            shown.coin.name if shown else None,
        ),
        current=shown,
        left=to_have_back[-1] if to_have_back else None,
        is_frozen=bool(missing(came)),
    )


async def _standing(gateway: Gateway, payment: Payment) -> Standing:
    return await standing(gateway.db, gateway.rails, gateway.chains, payment)
