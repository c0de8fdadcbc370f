"""The rails that this installation has: which connector serves which method."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from nonstopay.business.deposits.chains import Chains
from nonstopay.business.invoices.invoice import CARD, CRYPTO, UPI, identity_context
from nonstopay.business.invoices.invoice import METHODS as INVOICE_METHODS
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.business.payments.health.board import Board
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.routing.rule import Rule
from nonstopay.business.risk.limits import Policy
from nonstopay.connectors.base import UpiConnector
from nonstopay.connectors.charge import CardConnector, Paid
from nonstopay.connectors.outcome import Outcome
from nonstopay.errors import NotFound
from nonstopay.money import Money
from nonstopay.store.seal import Sealer
from nonstopay.store.vault.keyring import Keyring
from nonstopay.store.vault.vault import Vault

Connector = TypeVar("Connector")


def _nowhere(merchant_id: int, invoice_id: int) -> str:
    raise NotFound("this installation has no page to come back to")


@dataclass(frozen=True, slots=True)
class Rails:
    """What can be paid with here.

    Attributes:
        upi, card: connectors by name, the preferred one first.
        notify_url: where providers send notifications; rail and connector are appended: `card/stripe`.
        upi_lifetime: how long a dynamic QR can be paid.
        rate_max_age: exchange rates older than this are refused; `None` takes any.
        sealer: opens payers' identity numbers, for providers that need them.
        board: how well they all work just now.
        routing: which cards go to which connector; the order of `card` if no rule fits.
        risk: how many tries are too many.
        card_lifetime: how long a payer may take for 3-D Secure.
        vault: keeps the cards that payers use.
        return_url: where the issuer sends the payer of a merchant's invoice after 3-D Secure.
        chains: on which coins can be paid with; `None`: on none.
        coin_lifetime: how long the rate of a coin holds for a payer.
        coin_rate_max_age: rates of coins older than this are refused; `None` takes any.
    """

    upi: Mapping[str, UpiConnector]
    notify_url: str
    upi_lifetime: timedelta
    rate_max_age: timedelta | None
    sealer: Sealer | None = None
    board: Board = field(default_factory=Board)
    card: Mapping[str, CardConnector] = field(default_factory=dict)
    routing: tuple[Rule, ...] = ()
    risk: Policy = field(default_factory=Policy)
    card_lifetime: timedelta = timedelta(minutes=20)
    vault: Vault = field(default_factory=lambda: Vault(Keyring(()), None))
    return_url: Callable[[int, int], str] = _nowhere
    chains: Chains | None = None
    coin_lifetime: timedelta = timedelta(minutes=30)
    coin_rate_max_age: timedelta | None = None
    _by_currency: dict[tuple[str, bool], tuple[str, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def methods(self, merchant: Merchant, currency: str) -> list[str]:
        """The methods a payer of this merchant can use for an invoice in `currency`."""
        # Coins are on as soon as their chains have answered; the other rails do not change.
        asked = (currency, self.chains is not None and self.chains.is_on)
        here = self._by_currency.get(asked)
        if here is None:
            here = tuple(
                method.name
                for method in INVOICE_METHODS.values()
                if self.solutions(method.name) and currency in method.currencies
            )
            self._by_currency[asked] = here
        return [name for name in here if name in merchant.methods]

    def identity(self, merchant_id: int, sealed: bytes) -> str | None:
        """A payer's identity number in plain, for the provider and nobody else."""
        if self.sealer is None:
            return None
        return self.sealer.open(sealed, identity_context(merchant_id)).decode()

    def solutions(self, method: str) -> list[str]:
        """The names of the connectors behind a method."""
        if method == CRYPTO.name:
            coins = self.chains.coins_offered() if self.chains else []
            return list(dict.fromkeys(f"chain_{one.network}" for one in coins))
        connectors: Mapping[str, object] = {CARD.name: self.card, UPI.name: self.upi}.get(
            method, {}
        )
        return list(connectors)

    def upi_connector(self, name: str) -> UpiConnector:
        """The UPI connector with this name. Raises `NotFound`."""
        return _named(self.upi, name)

    def card_connector(self, name: str) -> CardConnector:
        """The card connector with this name. Raises `NotFound`."""
        return _named(self.card, name)

    def listener(self, rail: str, name: str) -> UpiConnector | CardConnector:
        """The connector of a rail (`upi`, `card`) that reads this provider's notifications.

        Raises:
            NotFound: there is none.
        """
        return self.card_connector(name) if rail == "card" else self.upi_connector(name)

    async def look_up(self, payment: Payment) -> Outcome:
        """Ask the payment's provider what became of it."""
        if payment.method == CARD.name:
            return await self.card_connector(payment.connector).look_up(paid(payment))
        return await self.upi_connector(payment.connector).look_up(payment.reference)

    async def refund(self, payment: Payment, key: str, amount: Money) -> Outcome:
        """Ask the payment's provider to give `amount`, in the payer's currency, back to him."""
        if payment.method == CARD.name:
            connector = self.card_connector(payment.connector)
            return await connector.refund(paid(payment), key, amount)
        return await self.upi_connector(payment.connector).refund(payment.reference, key, amount)


def paid(payment: Payment) -> Paid:
    """A card payment by both its names, as its connector wants it."""
    return Paid(reference=payment.reference, provider_reference=payment.provider_reference)


def _named(connectors: Mapping[str, Connector], name: str) -> Connector:
    try:
        return connectors[name]
    except KeyError:
        raise NotFound(f"there is no connector {name}") from None
