"""How a payment goes by itself: decided when its holder is known, ended when its time is over.

Pure: a payment goes in, and the payment as it is then comes out.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from nonstopay.money import Money
from nonstopay.sandbox.card.cards import (
    AUTHENTICATION_FAILED,
    CANCELLED,
    Authentication,
    SandboxCard,
    named,
)
from nonstopay.sandbox.card.payment import Payment, Status

CHALLENGE_LIFETIME = timedelta(minutes=15)
RESERVED_FOR = timedelta(days=7)
DISPUTED_AFTER = timedelta(days=1)
RIGHT_CODE = "123456"


def begin(payment: Payment, card: SandboxCard, at: datetime) -> Payment:
    """A new payment, up to where its holder must be asked, or to its end."""
    if card.authentication is Authentication.CHALLENGED:
        return replace(
            payment,
            status=Status.REQUIRES_AUTHENTICATION,
            status_at=at,
            ends_at=at + CHALLENGE_LIFETIME,
        )
    return _decide(replace(payment, authentication=card.authentication), card, at)


def answer(payment: Payment, code: str, at: datetime) -> Payment:
    """The holder typed a one-time code, the right one or not."""
    if code != RIGHT_CODE:
        failed = replace(payment, authentication=Authentication.FAILED)
        return _refuse(failed, AUTHENTICATION_FAILED, at)
    proven = replace(payment, authentication=Authentication.CHALLENGED)
    return _decide(proven, named(payment.card), at)


def cancel(payment: Payment, at: datetime) -> Payment:
    """The holder does not want to pay."""
    failed = replace(payment, authentication=Authentication.FAILED)
    return _refuse(failed, CANCELLED, at)


def end(payment: Payment, at: datetime) -> Payment:
    """Time is over for an unanswered challenge, or for what is still reserved."""
    if payment.status is Status.REQUIRES_AUTHENTICATION:
        return replace(payment, status=Status.EXPIRED, status_at=at, ends_at=None)
    return let_go(payment, at)


def let_go(payment: Payment, at: datetime) -> Payment:
    """Nothing more is reserved; with nothing taken, the payment is void."""
    status = payment.status if payment.captured.minor else Status.VOIDED
    voided = payment.voided + payment.open
    return replace(payment, status=status, status_at=at, voided=voided, ends_at=None)


def _decide(payment: Payment, card: SandboxCard, at: datetime) -> Payment:
    if card.code is not None:
        return _refuse(payment, card.code, at)
    reserved = replace(
        payment,
        status=Status.AUTHORISED,
        status_at=at,
        authorised=payment.amount,
        ends_at=at + RESERVED_FOR,
    )
    return take(reserved, payment.amount, at) if payment.capture else reserved


def take(payment: Payment, part: Money, at: datetime) -> Payment:
    """A part of what is reserved is taken; the holder of some cards will want it back."""
    is_first = payment.captured.minor == 0
    after = replace(payment, status=Status.CAPTURED, status_at=at, captured=payment.captured + part)
    if is_first and named(payment.card).charged_back:
        after = replace(after, dispute_at=at + DISPUTED_AFTER)
    return after if after.open.minor else replace(after, ends_at=None)


def _refuse(payment: Payment, code: str, at: datetime) -> Payment:
    return replace(payment, status=Status.DECLINED, status_at=at, code=code, ends_at=None)
