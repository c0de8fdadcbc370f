"""Who gets coins that came other than asked: the one policy for exact, under, over, late and stray.

| what came | what happens |
|---|---|
| enough, within the tolerance, in time | it pays the invoice |
| too little | the rest may be sent until the time is up; then as `under` says |
| more than asked | it pays the invoice; what is over as `over` says |
| enough, too late | as the merchant's `late_success` says; coins without a peg at the rate of the day |
| a stablecoin on another network, or another stablecoin | as `stray` says |
| another coin, or anything for an invoice that is paid | the payer may have it back |
| a token that is not on our list, or dust | ignored |

*Credit* gives it to the merchant, *refund* lets the payer have it back at an address that he names.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from nonstopay.business.invoices.states import PAYABLE
from nonstopay.business.invoices.states import State as InvoiceState
from nonstopay.business.merchants.merchant import LateSuccess
from nonstopay.business.payments.crypto.tally import Tally
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.states import Event, State
from nonstopay.money import Money, Rounding


class Choice(StrEnum):
    """What becomes of money that was not asked for in this way."""

    CREDIT = "credit"
    REFUND = "refund"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a merchant chose; these are the defaults.

    Attributes:
        tolerance_percent: so much less than asked is enough: wallets and exchanges take their fee of it.
    """

    tolerance_percent: Decimal = Decimal("0.5")
    under: Choice = Choice.REFUND
    over: Choice = Choice.REFUND
    stray: Choice = Choice.CREDIT

    def is_enough(self, came: Money, asked: Money) -> bool:
        """Whether it pays what was asked."""
        least = asked.times(1 - Fraction(self.tolerance_percent) / 100, Rounding.UP)
        return came >= least


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the coins that came are to a payment.

    Attributes:
        accepted: of them, what pays the invoice; `None` unless the event is `CREDIT`.
        credited: what the merchant is credited for that, in the invoice's currency.
    """

    event: Event
    accepted: Money | None = None
    credited: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is judged.

    Attributes:
        invoice: its state, under its lock.
        late: what the merchant does with money that comes after he was told of failure.
        today: what `payment.amount` costs in the coin by the rate of now; `None` if nobody knows.
        lifetime: how long a rate holds, and so how long after each transfer the rest may be sent.
    """

    payment: Payment
    invoice: InvoiceState
    tally: Tally
    policy: Policy
    late: LateSuccess
    today: Money | None
    lifetime: timedelta
    at: datetime


def judge(case: Case) -> Verdict:
    """The event that the coins are to their payment now; the same question again has the same answer."""
    tally, policy = case.tally, case.policy
    asked = _asked(case)
    is_enough = asked is not None and policy.is_enough(tally.received, asked)
    if _may_be_credited(case) and asked is not None and is_enough:
        return _credit(case, asked)  # whatever else is coming
    if tally.coming.minor:
        return Verdict(Event.PROCESSING)
    is_over = case.at >= deadline(case.payment, tally, case.lifetime)
    takes_what_came = is_over and policy.under is Choice.CREDIT and tally.received.minor > 0
    if _may_be_credited(case) and asked is not None and takes_what_came:
        return _credit(case, asked)
    return Verdict(Event.EXPIRED if is_over else Event.WAITING)


def deadline(payment: Payment, tally: Tally, lifetime: timedelta) -> datetime:
    """Until when the rest may be sent: each transfer that comes in time gives as much time again."""
    ends = payment.expires_at
    for seen_at in tally.seen_at:
        if seen_at <= ends:
            ends = max(ends, seen_at + lifetime)
    return ends


def _may_be_credited(case: Case) -> bool:
    """Whether the invoice still wants money, as `payments/judge.py` has it for other rails."""
    if case.payment.state is State.CAPTURED:
        return False
    if case.invoice in (InvoiceState.FAILED, InvoiceState.EXPIRED):
        return case.late is LateSuccess.CREDIT
    return case.invoice in PAYABLE and (not _is_late(case) or case.late is LateSuccess.CREDIT)


def _is_late(case: Case) -> bool:
    """Whether something came when the rate did not hold any more."""
    ends = deadline(case.payment, case.tally, case.lifetime)
    return any(seen_at > ends for seen_at in case.tally.seen_at)


def _asked(case: Case) -> Money | None:
    """What is enough: as was asked; by the rate of today for what came late."""
    return case.today if _is_late(case) else case.payment.charged


def _credit(case: Case, asked: Money) -> Verdict:
    received, amount = case.tally.received, case.payment.amount
    if case.policy.over is Choice.REFUND:
        received = min(received, asked)
    share = Fraction(received.minor, asked.minor)
    credited = amount if received == asked else amount.times(share, Rounding.DOWN)
    return Verdict(Event.CREDIT, accepted=received, credited=credited)
