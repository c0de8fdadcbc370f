"""A card payment as the pretend bank knows it; nothing of the card but what may be shown."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from nonstopay.money import Money
from nonstopay.sandbox.card.cards import MESSAGES, Authentication


class Status(StrEnum):
    """The bank's words for a payment, as its answers and notifications spell them."""

    REQUIRES_AUTHENTICATION = "requires_authentication"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    DECLINED = "declined"
    EXPIRED = "expired"
    VOIDED = "voided"


class ActKind(StrEnum):
    """What the merchant's side can have done to a payment."""

    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that was done to a payment, once for each `key` of the gateway's."""

    kind: ActKind
    key: str
    id: str
    amount: Money
    final: bool
    at: datetime

    def facts(self) -> dict[str, Any]:
        """The act as the bank's answers and notifications show it."""
        return {
            "kind": self.kind,
            "key": self.key,
            "id": self.id,
            "amount": self.amount.text(),
            "currency": self.amount.currency.code,
            "at": self.at.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What the bank knows of a payment. Authorised is what is captured, voided and still open.

    Attributes:
        reference: the gateway's name for it, and its idempotency key.
        id: the bank's.
        capture: take the money as soon as it is reserved.
        card: which test card it was, by its outcome.
        code: why it was refused.
        challenge: the secret in the address of the issuer's page.
        ends_at: when an unanswered challenge, or what is still reserved, ends by itself.
        dispute_at: when the holder will want his money back.
        charged_back: what his bank took back.
    """

    reference: str
    id: str
    amount: Money
    capture: bool
    card: str
    first6: str
    last4: str
    payee_name: str
    note: str
    return_url: str
    notify_url: str
    created_at: datetime
    status: Status
    status_at: datetime
    authentication: Authentication
    authorised: Money
    captured: Money
    voided: Money
    refunded: Money
    charged_back: Money
    code: str | None = None
    challenge: str | None = None
    ends_at: datetime | None = None
    dispute_at: datetime | None = None

    @property
    def open(self) -> Money:
        """Reserved, and neither taken nor let go."""
        return self.authorised - self.captured - self.voided

    @property
    def refundable(self) -> Money:
        """Taken, and not gone back in any way."""
        return self.captured - self.refunded - self.charged_back

    def facts(self) -> dict[str, Any]:
        """The payment as the bank's answers and notifications show it."""
        return {
            "id": self.id,
            "reference": self.reference,
            "status": self.status,
            "amount": self.amount.text(),
            "currency": self.amount.currency.code,
            "authorised": self.authorised.text(),
            "captured": self.captured.text(),
            "voided": self.voided.text(),
            "refunded": self.refunded.text(),
            "charged_back": self.charged_back.text(),
            "code": self.code,
            "message": MESSAGES.get(self.code) if self.code else None,
            "authentication": self.authentication,
            "at": self.status_at.isoformat(),
        }
