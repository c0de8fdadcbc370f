"""What the pages of a payment by crypto show, as frozen values like those of `page.py`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from nonstopay.money import Money
from nonstopay.web.checkout.page import Brand, Invoice, Method, Visit
from nonstopay.web.checkout.remains import Remains


class CryptoState(StrEnum):
    """How it stands with paying by crypto. `COINS` is where the payer picks one."""

    COINS = "coins"
    WAITING = "waiting"
    SEEN = "seen"
    """The payment is in a block, and waits for more blocks upon it."""
    SHORT = "short"
    """Something came, and it is not enough."""
    EXPIRED = "expired"
    """The rate's time is up, and nothing has come."""
    CHECKING = "checking"
    """All is here, or it was: somebody or something looks at it before it counts."""


class Fee(StrEnum):
    """What a network usually takes for a transfer, as far as words go."""

    LOW = "low"
    MIDDLE = "middle"
    HIGH = "high"


class Under(StrEnum):
    """What becomes of too little, when the time is up. Until then the rest may be sent."""

    CREDIT = "credit"
    REFUND = "refund"


class Over(StrEnum):
    """What becomes of too much."""

    CREDIT = "credit"
    REFUND = "refund"


class Late(StrEnum):
    """What becomes of money that comes after the time."""

    CREDIT = "credit"
    REFUND = "refund"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the merchant does with other amounts and other times than asked."""

    under: Under = Under.REFUND
    over: Over = Over.REFUND
    late: Late = Late.REFUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A coin on a network. `name` as the contract writes it, `network` the network's title.

    `usual_seconds`: from the transfer until it counts, about. `fee`: None, if we cannot say.
    """

    name: str
    ticker: str
    network: str
    usual_seconds: int
    fee: Fee | None = None
    is_chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinsPage:
    """The coins to choose from; `form_url` takes a POST with the field `coin`.

    `back_url` (GET) leads back to the coin that is chosen already. `others_url` (GET) to the other ways to
    pay. `unanswered`: the choice could not be followed just now.
    """

    visit: Visit
    brand: Brand
    invoice: Invoice
    choices: Sequence[Choice]
    form_url: str
    back_url: str | None = None
    unanswered: bool = False
    others_url: str | None = None
    cancel_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CryptoPage:
    """Waiting for a transfer, and for the blocks upon it.

    `asked` is the whole amount, `received` what is sure, `coming` what is seen and not sure yet,
    `missing` what is still to be sent: all in the same coin. `uri` asks a wallet for `missing`. `gas` is
    the coin that the network's fee is paid in, if known. The rate, in units of the coin for one of the
    invoice's currency, holds until `locked_until` (UTC), and does so for `lock_seconds` in all.
    `confirmations` of `needed` are those of the slowest transfer. `coins_url` (GET) leads to the other
    coins, `new_url` (POST) to a new amount. `same_address`: the payer chose another coin, and the
    address did not change.
    """

    visit: Visit
    brand: Brand
    invoice: Invoice
    state: CryptoState
    asked: Money
    received: Money
    coming: Money
    missing: Money
    network: str
    address: str
    uri: str | None
    gas: str
    locked_until: datetime
    lock_seconds: int
    rate: Decimal
    rate_source: str
    rate_at: datetime
    confirmations: int
    needed: int
    usual_seconds: int
    events_url: str
    coins_url: str | None = None
    new_url: str | None = None
    same_address: bool = False
    policy: Policy = field(default_factory=Policy)
    remains: Remains = field(default_factory=Remains)
    methods: Sequence[Method] = ()
    cancel_url: str | None = None
    revision: str = ""
