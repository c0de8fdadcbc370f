"""What the payment page shows, as frozen values; `render.py` turns one of them into HTML.

A page is a pure function of its value: no request, no clock, no database. So each state of a
payment can be rendered, looked at and tested without a server.

Live news. A page with `events_url` opens it as an EventSource and listens for events named `state`:

    event: state
    data: {"state": "processing", "revision": "7", "reload": false}

`state` and `revision` are those the page would be rendered with now. If either differs from what is
shown, the script fetches this page's own address and puts the new `<main>` in place of the old one,
or, with `reload` true, loads the page anew; if both are the same it does nothing, so the server may
repeat itself, and should send the present state when a listener connects. When a phone wakes, a
tab comes back, a countdown ends or the stream is refused, the script fetches the page as well:
the page, not the event, is the truth. An answer other than 200 to that fetch changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from nonstopay.money import Money
from nonstopay.web.checkout.links import Platform
from nonstopay.web.checkout.remains import Remains
from nonstopay.web.checkout.text import DEFAULT_LANGUAGE


class MethodKind(StrEnum):
    UPI = "upi"
    CARD = "card"
    CRYPTO = "crypto"


class Trouble(StrEnum):
    """What a payer should know of a method before he tries it."""

    DEGRADED = "degraded"
    DOWN = "down"


class UpiState(StrEnum):
    """How the present UPI try stands. None of them is the end of the invoice."""

    WAITING = "waiting"
    PROCESSING = "processing"
    UNKNOWN = "unknown"
    DECLINED = "declined"
    EXPIRED = "expired"


class DeclineReason(StrEnum):
    """Why a try was refused, as far as the payer can do something about it."""

    WRONG_PIN = "wrong_pin"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    DECLINED_BY_BANK = "declined_by_bank"
    LIMIT_EXCEEDED = "limit_exceeded"
    ACCOUNT_UNUSABLE = "account_unusable"
    APP_CANCELLED = "app_cancelled"
    TOO_LATE = "too_late"
    BANK_SILENT = "bank_silent"
    OTHER_WAY = "other_way"
    TECHNICAL = "technical"


class DoneState(StrEnum):
    """How the invoice stands when there is nothing left for the payer to do here."""

    PAID = "paid"
    PENDING = "pending"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"
    WITHHELD = "withheld"
    REFUNDED = "refunded"
    CHARGED_BACK = "charged_back"


class Landing(StrEnum):
    """Where a payer lands whose merchant gave no address of its own."""

    SUCCESS = "success"
    PENDING = "pending"
    CANCEL = "cancel"
    FAILURE = "failure"


class ErrorKind(StrEnum):
    """`LINK`: unknown or broken token. `BUSY`: 429, 503. `BROKEN`: a failure of our own, 500."""

    LINK = "link"
    BUSY = "busy"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who looks, when, and from where.

    `url` is this page's own path and query, for the language links. `zone` is the IANA zone that
    times are written in until the script puts them on the payer's own clock.
    """

    now: datetime
    url: str
    language: str = DEFAULT_LANGUAGE
    platform: Platform = Platform.OTHER
    zone: str = "UTC"
    sandbox: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """Whose page it is. `logo_url` and `css_url` are paths on our own host.

    The stylesheet may set `--brand`, `--on-brand`, `--action`, `--on-action` and `--radius`;
    `house` is the name in the footer, empty under a partner's own brand.
    """

    merchant: str
    logo_url: str | None = None
    css_url: str | None = None
    house: str = "nonstopay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """What is to pay. `valid_until` in UTC; `reference`, `description` are the merchant's words."""

    number: str
    amount: Money
    valid_until: datetime
    reference: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """How the invoice became the amount charged, at `rate` units of it for one of the invoice's.

    `source` and `as_of` name the rate (`ECB`, its day); it holds until `locked_until` (UTC).
    """

    rate: Decimal
    source: str
    as_of: date
    locked_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to pay, begun by a POST to `url`. Label and hint come from the catalogue if empty.

    `by_link`: begun by a GET, for there is a form to be filled in first. `trouble`: many payments by
    it fail just now.

    As with every form here, the page's language is added to the query of `url`, as `lang`.
    """

    kind: MethodKind
    url: str
    label: str = ""
    hint: str = ""
    by_link: bool = False
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoosePage:
    """The invoice and the ways to pay it. `cancel_url` takes a POST.

    `unanswered`: the method that the payer has just chosen, and whose provider did not answer.
    """

    visit: Visit
    brand: Brand
    invoice: Invoice
    methods: Sequence[Method]
    cancel_url: str | None = None
    unanswered: MethodKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpiPage:
    """Waiting for the payer's UPI app.

    `amount` is what is charged, in INR; `upi_uri` the signed `upi://pay?…` link, shown until
    `qr_expires_at` (UTC; its whole life is `qr_seconds`). `new_qr_url`, `cancel_url` take a POST.
    `reason` belongs to a declined try. `sandbox_app_url` is the pretend UPI app for this link.
    """

    visit: Visit
    brand: Brand
    invoice: Invoice
    state: UpiState
    amount: Money
    upi_uri: str
    qr_expires_at: datetime
    qr_seconds: int
    events_url: str
    new_qr_url: str
    conversion: Conversion | None = None
    reason: DeclineReason | None = None
    methods: Sequence[Method] = ()
    cancel_url: str | None = None
    revision: str = ""
    sandbox_app_url: str | None = None

    @property
    def shown(self) -> UpiState:
        """The state to show: a code past its time is never offered, whatever the caller says."""
        offered = self.state in (UpiState.WAITING, UpiState.DECLINED)
        late = self.visit.now >= self.qr_expires_at
        return UpiState.EXPIRED if offered and late else self.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What was charged, when (UTC), and the bank's own reference for it (for UPI the RRN).

    `means` is with what he paid, as far as it may be shown: `Visa •••• 4242`, `USDT, Polygon`.
    """

    charged: Money
    at: datetime
    kind: MethodKind
    reference: str = ""
    means: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DonePage:
    """The invoice's end, as far as the payer is concerned.

    `return_url` is the merchant's; one that `safe_href` refuses is not linked. A payer who paid is
    taken there after `forward_seconds` unless something on the page is touched; 0 never forwards.
    `remains` is what an attempt by crypto left behind.
    `events_url` lets a pending page learn of its end; `resume_url` (GET) leads a payer who
    cancelled back to paying, `again_url` (GET) one whose money goes back because it was not what
    was asked. `refunded` is what came.
    """

    visit: Visit
    brand: Brand
    invoice: Invoice
    state: DoneState
    payment: Payment | None = None
    refunded: Money | None = None
    remains: Remains | None = None
    return_url: str | None = None
    forward_seconds: int = 3
    resume_url: str | None = None
    again_url: str | None = None
    events_url: str | None = None
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingPage:
    """The generic page behind `/service/pay/…/`; `brand` and `invoice` where they are known."""

    visit: Visit
    outcome: Landing
    brand: Brand | None = None
    invoice: Invoice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """Nothing to show but what to do next. It never tells why a token was refused."""

    visit: Visit
    kind: ErrorKind
