"""The batch: what a merchant is paid with one transfer, currency by currency, invoice by invoice."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from nonstopay.business.settlement.states import State
from nonstopay.money import Money

OBJECT = "settlement"
"""What lines of the books about a batch are about: `settlement:5`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An invoice of a batch; every sum is in the invoice's currency.

    Attributes:
        gross: what was captured.
        fee: ours. `share` is the partner's part of it.
        refunded: what the merchant had given back by then.
        reserve: what is set aside of it.
    """

    invoice_id: int
    payment_id: int
    gross: Money
    fee: Money
    refunded: Money
    reserve: Money
    share: Money

    @property
    def net(self) -> Money:
        """What is left of the invoice; below zero if it was refunded and our fee was not."""
        return self.gross - self.fee - self.refunded - self.reserve


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What a currency was exchanged at, as it was when the batch closed: later news change nothing.

    Attributes:
        mid: units of the coin for one of the currency, with the 12 decimals that are kept.
        source, at: who published it, and when; `par` for dollars.
        fx_percent: what we keep of the converted sum.
    """

    mid: Decimal
    source: str
    at: datetime
    fx_percent: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A batch's invoices of one currency.

    Attributes:
        adjustment: what changed since with invoices that were settled before: refunds, chargebacks
            and debts below zero, disputes won and reserves released above.
        payable: gross - fee - refunded + adjustment - reserve; the ledger's legs say the same.
        partner: who gets `share` of our fees; `None` without one.
        converted: payable in the coin by the mid rate, rounded toward zero.
        markup: what we keep of that; `total` = converted - markup is what the wallet gets.
    """

    gross: Money
    fee: Money
    refunded: Money
    adjustment: Money
    reserve: Money
    payable: Money
    share: Money
    partner: str | None
    rate: Rate
    converted: Money
    markup: Money
    total: Money
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch as it stands, without its parts.

    Attributes:
        amount: what the wallet gets: the sum of its parts.
        attempt: how often a sender was asked under a new key.
        refusal: why he refused the last time.
        root: the digest of the statement (`statements/merkle.py`).
    """

    merchant_id: int
    id: int
    state: State
    version: int
    network: str
    amount: Money
    address: str
    attempt: int
    tx_hash: str | None
    refusal: str | None
    root: bytes
    closed_at: datetime
    state_at: datetime

    @property
    def about(self) -> str:
        return f"{OBJECT}:{self.id}"

    @property
    def key(self) -> str:
        """What the sender knows this attempt by, once for ever."""
        return f"{OBJECT}-{self.merchant_id}-{self.id}-{self.attempt}"
