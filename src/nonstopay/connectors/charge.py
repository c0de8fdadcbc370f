"""What a card connector is: a charge to make, and seven small acts, each a translation.

A provider is one file in `connectors/card/`, as `connectors/base.py` says of all rails. Between the
provider and us a payment has two names: our `reference`, which we choose before the first call and which
is the idempotency key of it, and the provider's own, which its answers tell (`provider_reference`) and
which later acts need. An act on a payment (capture, void, refund) has a `key` of ours besides: asked
twice with one key it is done once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from nonstopay.card_number import CardCode, CardNumber
from nonstopay.connectors.base import Notice
from nonstopay.connectors.outcome import Outcome
from nonstopay.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card as its holder typed it; it shows itself nowhere.

    Attributes:
        code: the card code (CVC), in memory for this one call and never kept (PCI DSS 3.3.1); `None`
            where the scheme lets a payment go without.
    """

    number: CardNumber
    expiry_month: int
    expiry_year: int
    code: CardCode | None = field(repr=False)
    holder: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Who pays, as the merchant or the payer told; what was not told is `None`.

    Attributes:
        country: ISO 3166-1 alpha-2.
        date_of_birth: YYYY-MM-DD.
    """

    email: str = field(repr=False)
    name: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    address1: str | None = field(default=None, repr=False)
    address2: str | None = field(default=None, repr=False)
    city: str | None = field(default=None, repr=False)
    state: str | None = field(default=None, repr=False)
    postcode: str | None = field(default=None, repr=False)
    country: str | None = None
    date_of_birth: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """The payer's browser, which 3-D Secure 2 asks about (EMV 3DS 2.2, table A.1).

    Attributes:
        ip: its address; server to server, what the merchant says it is.
        language: BCP 47, e.g. `en-IN`.
        time_zone_minutes: behind UTC, as JavaScript counts them.
    """

    ip: str | None = None
    accept: str = "text/html"
    user_agent: str = ""
    language: str = "en"
    java_script: bool = False
    colour_depth: int = 24
    screen_width: int = 0
    screen_height: int = 0
    time_zone_minutes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What we ask a provider to take from a card.

    Attributes:
        reference: ours, unique, at most 36 letters, digits and dashes; the provider's idempotency key.
        amount: in the invoice's currency; cards pay in USD, EUR, GBP, INR and ZAR.
        capture: take the money at once; else only reserve it.
        note: a few words for the payer's statement.
        return_url: where the issuer sends the payer after 3-D Secure; may be called again.
        notify_url: where the provider sends its notifications, if it lets a payment say so.
    """

    reference: str
    amount: Money
    card: Card
    payer: Payer
    browser: Browser
    capture: bool
    payee_name: str
    note: str
    return_url: str
    notify_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A payment by both its names. The provider's is `None` if its first answer never came."""

    reference: str
    provider_reference: str | None


class CardConnector(Protocol):
    """A card provider. Every method may be called again with the same arguments, without harm.

    None of them raises for what the provider says or fails to say: that is an `Outcome`, `UNKNOWN` if
    in doubt. `read_notice` alone raises `UnverifiedNotice`.
    """

    name: str

    async def authorise(self, charge: Charge) -> Outcome:
        """Reserve or take the money: AUTHORISED, CAPTURED, DECLINED, or WAITING with the link of the
        3-D Secure page, which may be opened again until it is answered."""
        ...

    async def complete(self, paid: Paid, returned: Mapping[str, str]) -> Outcome:
        """The payer is back from 3-D Secure with these parameters: what became of it."""
        ...

    async def look_up(self, paid: Paid) -> Outcome:
        """Ask what became of the payment: WAITING, AUTHORISED, CAPTURED (in all), VOIDED, DECLINED, EXPIRED.

        If the provider says for sure that it never heard of it: DECLINED with reason NOT_RECEIVED.
        """
        ...

    async def capture(self, paid: Paid, key: str, amount: Money, *, final: bool) -> Outcome:
        """Take a part of what is reserved: CAPTURED with the part, or CAPTURE_REFUSED.

        `final`: nothing more will be taken, the rest is let go.
        """
        ...

    async def void(self, paid: Paid, key: str) -> Outcome:
        """Let go what is reserved and not taken: VOIDED or VOID_REFUSED."""
        ...

    async def refund(self, paid: Paid, key: str, amount: Money) -> Outcome:
        """Give a part of what was taken back: REFUNDED with the part, PROCESSING if it takes the
        provider its time, or REFUND_REFUSED."""
        ...

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Sequence[Notice]:
        """Verify and translate a notification. Header names are lower case."""
        ...
