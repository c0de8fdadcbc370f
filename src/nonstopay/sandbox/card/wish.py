"""The charge that the gateway wants, and the payment that it begins as."""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from nonstopay import ids
from nonstopay.card_number import CardNumber
from nonstopay.errors import InvalidInput
from nonstopay.money import Money
from nonstopay.sandbox.card import course
from nonstopay.sandbox.card.cards import Authentication, recognise
from nonstopay.sandbox.card.payment import Payment, Status

CURRENCIES = ("USD", "EUR", "GBP", "INR", "ZAR")
NAME_FORM = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What references and keys look like."""

_URL_MAX = 2048
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The charge that the gateway wants.

    Attributes:
        expiry_year: four digits.
        capture: take the money at once; else only reserve it.
        return_url: where the issuer's page sends the holder.
    """

    reference: str
    amount: Money
    number: CardNumber
    expiry_month: int
    expiry_year: int
    capture: bool
    payee_name: str
    note: str
    return_url: str
    notify_url: str


def begun(wish: Wish, now: datetime) -> Payment:
    """The payment that this wish becomes, if nobody wished it before."""
    card = recognise(wish.number, expired=_is_past(wish, now))
    nothing = Money(0, wish.amount.currency)
    undecided = Payment(
        reference=wish.reference,
        id="NSC" + ids.random_bytes(10).hex().upper(),
        amount=wish.amount,
        capture=wish.capture,
        card=card.outcome,
        first6=wish.number.first6,
        last4=wish.number.last4,
        payee_name=wish.payee_name,
        note=wish.note,
        return_url=wish.return_url,
        notify_url=wish.notify_url,
        created_at=now,
        status=Status.REQUIRES_AUTHENTICATION,
        status_at=now,
        authentication=Authentication.NONE,
        authorised=nothing,
        captured=nothing,
        voided=nothing,
        refunded=nothing,
        charged_back=nothing,
        challenge=ids.token() if card.authentication is Authentication.CHALLENGED else None,
    )
    return course.begin(undecided, card, now)


def require_acceptable(wish: Wish) -> None:
    """Refuse what this bank cannot charge.

    Raises:
        InvalidInput: reference, amount, currency, expiry or an address.
    """
    if not NAME_FORM.fullmatch(wish.reference):
        raise InvalidInput("reference", "reference must be 1 to 64 of letters, digits, . _ -")
    if wish.amount.minor <= 0:
        raise InvalidInput("amount", "amount must be more than 0")
    if wish.amount.currency.code not in CURRENCIES:
        raise InvalidInput("currency", f"currency must be one of: {', '.join(CURRENCIES)}")
    if not 1 <= wish.expiry_month <= 12:
        raise InvalidInput("expiry_month", "expiry_month must be 1 to 12")
    if not 2000 <= wish.expiry_year <= 2999:
        raise InvalidInput("expiry_year", "expiry_year must have four digits")
    for name, url in (("return_url", wish.return_url), ("notify_url", wish.notify_url)):
        if not _is_web_address(url):
            raise InvalidInput(name, f"{name} must be an absolute http or https address")


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= _URL_MAX
    return (
        is_plain and parts.scheme in ("http", "https") and _HOST.fullmatch(parts.netloc) is not None
    )


def _is_past(wish: Wish, now: datetime) -> bool:
    """Whether the card is out of date: it is good to the end of its month."""
    return (wish.expiry_year, wish.expiry_month) < (now.year, now.month)
