"""Which coins a payer may choose from."""

from nonstopay.business.deposits.chains import Chains
from nonstopay.business.deposits.worth import STABLE
from nonstopay.business.invoices.invoice import CRYPTO, Invoice
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.connectors.crypto.networks import Coin


def offered(chains: Chains, merchant: Merchant, invoice: Invoice | None = None) -> list[Coin]:
    """The coins that are on here for this merchant, stablecoins first.

    Args:
        invoice: none for a currency that crypto does not pay; if its merchant named coins, those alone.
    """
    if CRYPTO.name not in merchant.methods:
        return []
    if invoice and invoice.amount.currency.code not in CRYPTO.currencies:
        return []
    named = coins_named(invoice) if invoice else []
    here = [
        one
        for one in chains.coins_offered()
        if not named or one.name in named or f"chain_{one.network}" in named
    ]
    return sorted(here, key=lambda one: (one.ticker not in STABLE, one.ticker, one.network))


def coins_named(invoice: Invoice) -> list[str]:
    """The coins that the merchant named for an invoice (`payableCurrencies`), or a network's chain."""
    if invoice.method != CRYPTO.name or not invoice.solution:
        return []
    return invoice.solution.split(",")
