"""What came for one payment by crypto: its coin's deposits, added up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from nonstopay.business.deposits.deposit import Deposit, missing
from nonstopay.business.deposits.states import State
from nonstopay.business.payments.crypto.refund import Refund
from nonstopay.business.payments.payment import Payment
from nonstopay.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Sums of a payment's deposits.

    Attributes:
        received: what is sure, and has not gone back.
        coming: what is in a block, and not sure yet.
        confirmations, needed: of the transfer that is furthest from sure; zero if none is coming.
        seen_at: when each of them was first seen, in order.
        gone_at: when the chain last took one back that was not sure.
        lost: what it took back that was.
    """

    received: Money
    coming: Money
    confirmations: int
    needed: int
    seen_at: tuple[datetime, ...]
    gone_at: datetime | None
    lost: Money


def tally(payment: Payment, deposits: Iterable[Deposit], refunds: Iterable[Refund]) -> Tally:
    """Add up the deposits of a payment, less what goes back or went back to its payer."""
    nothing = Money(0, payment.charged.currency)
    own = list(deposits)
    given_back = sum((one.amount for one in refunds if one.payment_id == payment.id), nothing)
    sure = [one for one in own if one.state is State.CONFIRMED]
    coming = [one for one in own if one.state is State.SEEN]
    slowest = min(coming, key=lambda one: one.confirmations - one.needed, default=None)
    return Tally(
        received=sum((one.amount for one in sure), nothing) - given_back,
        coming=sum((one.amount for one in coming), nothing),
        confirmations=slowest.confirmations if slowest else 0,
        needed=slowest.needed if slowest else 0,
        seen_at=tuple(sorted(one.seen_at for one in (*sure, *coming))),
        gone_at=max((one.state_at for one in own if one.state is State.GONE), default=None),
        lost=sum((one.amount for one in missing(own)), nothing),
    )


def assign(
    payments: Sequence[Payment], deposits: Iterable[Deposit]
) -> tuple[dict[int, list[Deposit]], list[Deposit]]:
    """Whose each deposit is: by payment, and those that no payment asked for.

    A deposit belongs to the attempt of its coin that the payer saw last when it came.
    """
    of: dict[int, list[Deposit]] = {payment.id: [] for payment in payments}
    strays = []
    for deposit in deposits:
        asking = [one for one in payments if one.charged.currency.code == deposit.coin]
        seen = [one for one in asking if one.started_at <= deposit.seen_at]
        if asking:
            of[(seen or asking[:1])[-1].id].append(deposit)
        else:
            strays.append(deposit)
    return of, strays
