"""What the pages of a payment by card show, as frozen values like those of `page.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from nonstopay.money import Money
from nonstopay.web.checkout.page import Brand, Invoice, Method, Visit


class CardState(StrEnum):
    """How it stands with paying by card. `FORM` is where the payer fills in a card."""

    FORM = "card"
    CHECKING = "checking"
    """Sent to the provider, who has not answered."""
    CHALLENGE = "challenge"
    """The payer's bank wants to hear from himself that it is he (3-D Secure)."""
    PROCESSING = "processing"
    UNKNOWN = "unknown"
    RESERVED = "reserved"
    """The shop takes the money later, or lets it go."""
    RELEASING = "releasing"


class CardReason(StrEnum):
    """Why a card was refused, as far as its holder may know and can do something about it.

    Of a card that is reported lost, or is under suspicion, he hears no more than `REFUSED`.
    """

    INSUFFICIENT_FUNDS = "insufficient_funds"
    EXPIRED_CARD = "expired_card"
    WRONG_CODE = "wrong_code"
    WRONG_DETAILS = "wrong_details"
    LIMIT_EXCEEDED = "limit_exceeded"
    NOT_USABLE = "not_usable"
    ASK_BANK = "ask_bank"
    REFUSED = "refused"
    NOT_CONFIRMED = "not_confirmed"
    CONFIRM = "confirm"
    LEFT = "left"
    TOO_LATE = "too_late"
    BANK_SILENT = "bank_silent"
    OTHER_WAY = "other_way"
    TECHNICAL = "technical"


class Problem(StrEnum):
    """What is wrong with a field of the form."""

    MISSING = "missing"
    INVALID = "invalid"
    PAST = "past"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedCard:
    """All that is shown of a card: `Visa`, and the number's last four digits."""

    brand: str
    last4: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Too many cards were refused. `until` (UTC) says when one may be tried again, None: not here."""

    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPage:
    """Filling in a card, and waiting for what becomes of it.

    `after` is the last attempt that the payer has seen. `problems` are by the names of the form's
    fields; `expiry` and `holder` are what he typed into them: number and code never come back.
    `reason` and `used` tell of the attempt before, or of this one. `bank_url` is the 3-D Secure page;
    with `goes_to_bank` the browser is sent on to it. `another_url` (GET) leads to an empty form.
    """

    visit: Visit
    brand: Brand
    invoice: Invoice
    state: CardState
    amount: Money
    form_url: str
    events_url: str
    after: int = 0
    problems: Mapping[str, Problem] = field(default_factory=lambda: MappingProxyType({}))
    expiry: str = ""
    holder: str = ""
    reason: CardReason | None = None
    used: UsedCard | None = None
    pause: Pause | None = None
    bank_url: str | None = None
    goes_to_bank: bool = False
    another_url: str | None = None
    return_url: str | None = None
    methods: Sequence[Method] = ()
    cancel_url: str | None = None
    revision: str = ""
