"""What a payer hands over to pay by card, and what is kept of it."""

from dataclasses import dataclass
from datetime import datetime

from nonstopay.card_number import Brand
from nonstopay.connectors.charge import Browser, Card, Payer
from nonstopay.connectors.outcome import Authentication


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAttempt:
    """A card that a payer, or a merchant in his name, wants to pay with now.

    Attributes:
        after: the attempt that he has seen last, 0 for none: what he sends twice is made once.
        direct: server to server.
    """

    card: Card
    payer: Payer
    browser: Browser
    after: int = 0
    direct: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedCard:
    """With what card a payment was attempted; nothing of it that must not be shown.

    Attributes:
        card_id: in the vault.
        fingerprint: equal for equal numbers of one merchant.
        authentication: how 3-D Secure went, once it is known.
        payer_ip: what the payer's address is counted as.
    """

    merchant_id: int
    payment_id: int
    card_id: int
    brand: Brand
    first6: str
    last4: str
    expiry_month: int
    expiry_year: int
    fingerprint: bytes
    authentication: Authentication | None
    payer_ip: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declines:
    """How often cards were refused lately.

    Attributes:
        of_invoice: on this invoice.
        of_address: from this payer's address within the hour, on whichever invoice.
        oldest: when the first of those happened, if there were any.
    """

    of_invoice: int
    of_address: int
    oldest: datetime | None
