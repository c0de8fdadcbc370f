"""What came by crypto besides what was asked for, and the payer's way to have it back."""

from dataclasses import dataclass
from enum import StrEnum

from nonstopay.money import Money


class Fate(StrEnum):
    """What becomes of money that nobody asked for in this way."""

    CREDITED = "credited"
    WAITING = "waiting"
    REFUNDABLE = "refundable"
    IGNORED = "ignored"


class RefundProblem(StrEnum):
    """What is wrong with the address that the payer named."""

    MISSING = "missing"
    INVALID = "invalid"
    TOO_LATE = "too_late"
    """In the meantime there is nothing left to give back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """Something that came on another network, in another coin, or in a token that looks like one.

    `amount` is empty for a token that nobody vouches for; `network` is the network's title.
    """

    amount: Money | None
    network: str
    fate: Fate


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money the payer can have back. With `form_url` (POST) he may name an address on `network`.

    `amount` is what he can have; None once he named an address. `address` is that one, or what he
    typed if there is a `problem` with it.
    """

    amount: Money | None
    network: str
    form_url: str | None
    address: str = ""
    problem: RefundProblem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What is left to tell of an attempt by crypto. `over`: more than was asked, and it stays."""

    over: Money | None = None
    is_late: bool = False
    strays: tuple[Stray, ...] = ()
    refund: Refund | None = None
