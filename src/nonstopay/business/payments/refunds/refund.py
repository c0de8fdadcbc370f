"""The refund: money that the merchant gives back, and where it stands."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from nonstopay.business.payments.refunds.states import State
from nonstopay.money import Money

OBJECT = "refund"
_KEY = "refund-"


class Source(StrEnum):
    """Who wanted the money to go back."""

    MERCHANT = "merchant"
    """Here: over the API, or the operator for him."""
    PROVIDER = "provider"
    """Somebody at the provider's own desk: we heard of it when it was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A refund as it stands.

    Attributes:
        amount: in the invoice's currency, out of the merchant's balance.
        charged: the same in the payer's currency: what the provider gives back.
        note: the merchant's reason, for people.
        refusal: why the provider refused, in its own code.
        provider_reference: the provider's id of a refund that was made there.
    """

    merchant_id: int
    id: int
    payment_id: int
    invoice_id: int
    state: State
    version: int
    amount: Money
    charged: Money
    note: str | None
    refusal: str | None
    source: Source
    provider_reference: str | None
    asked_at: datetime
    state_at: datetime


def key_of(refund_id: int) -> str:
    """The idempotency key under which the provider knows the refund."""
    return f"{_KEY}{refund_id}"


def id_of(key: str) -> int | None:
    """The refund whose key this is, if it is one."""
    number = key.removeprefix(_KEY)
    return int(number) if number != key and number.isdecimal() else None
