"""Every movement of money there is, as a table that an accountant can read.

An arrow of a state machine names a movement; `lines` turns the name and the facts of a payment into
the lines of the book. A leg debits one account and credits another. Where its two sides are counted
in different currencies, `exchange` stands between them and the leg becomes two lines, one in each
currency; where they are the same it is one line.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from nonstopay.errors import LawBroken
from nonstopay.ledger.chart import EXCHANGE, FEES, MERCHANT, PAYER, PROVIDER
from nonstopay.ledger.transfer import Transfer
from nonstopay.money import Money


class Sum(StrEnum):
    """Which of a payment's amounts is meant."""

    CHARGED = "charged"
    """What the payer paid, in the rail's currency."""
    CREDITED = "credited"
    """What the merchant gets for it, in the invoice's currency."""
    FEE = "fee"
    """What the platform keeps of that, in the invoice's currency."""


@dataclass(frozen=True, slots=True)
class Leg:
    """`debit` takes `debited`, `credit` gives `credited`."""

    debit: str
    debited: Sum
    credit: str
    credited: Sum


@dataclass(frozen=True, slots=True)
class Movement:
    """A named sequence of legs, and what has happened when it is posted."""

    name: str
    meaning: str
    legs: tuple[Leg, ...]


CAPTURE = "capture"
CAPTURE_TO_RETURN = "capture_to_return"
REFUND_TO_PAYER = "refund_to_payer"

# fmt: off
MOVEMENTS = (
    Movement(CAPTURE, "a payment arrived: the merchant is credited, less our fee", (
        #   debit     the sum          credit    the sum
        Leg(PROVIDER, Sum.CHARGED,     MERCHANT, Sum.CREDITED),
        Leg(MERCHANT, Sum.FEE,         FEES,     Sum.FEE),
    )),
    Movement(CAPTURE_TO_RETURN, "money arrived that must go back: late, over or twice", (
        Leg(PROVIDER, Sum.CHARGED,     PAYER,    Sum.CHARGED),
    )),
    Movement(REFUND_TO_PAYER, "money held for the payer went back through the provider", (
        Leg(PAYER,    Sum.CHARGED,     PROVIDER, Sum.CHARGED),
    )),
)
# fmt: on

_BY_NAME = {movement.name: movement for movement in MOVEMENTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a movement is told of the payment.

    Attributes:
        key: names the posting, once for ever in the merchant's book: `payment:12/capture`.
        about: the object whose money it is: `payment:12`.
        at: when it happened; an aware instant.
        connector: the provider's name, which fills `provider:<connector>`.
        charged, credited, fee: the sums. A movement refuses to guess one that is not given; zero
            makes no line.
    """

    merchant_id: int
    key: str
    about: str
    at: datetime
    connector: str
    charged: Money
    credited: Money | None = None
    fee: Money | None = None


def lines(movement_name: str, facts: Facts) -> list[Transfer]:
    """The lines of a movement, numbered from 1; sums of zero make none.

    Raises:
        LawBroken: no such movement, a sum that is missing or negative, a fee in another currency
            than the credit, one leg with two different sums of the same currency.
    """
    movement = _BY_NAME.get(movement_name)
    if movement is None:
        raise LawBroken(f"there is no movement {movement_name}")
    flows = [flow for leg in movement.legs for flow in _flows(leg, facts)]
    return [
        Transfer(
            merchant_id=facts.merchant_id,
            key=facts.key,
            line=line,
            movement=movement_name,
            debit=debit.replace("<connector>", facts.connector),
            credit=credit.replace("<connector>", facts.connector),
            amount=amount,
            about=facts.about,
            at=facts.at,
        )
        for line, (debit, credit, amount) in enumerate(
            (flow for flow in flows if flow[2].minor != 0), start=1
        )
    ]


def _flows(leg: Leg, facts: Facts) -> list[tuple[str, str, Money]]:
    debited, credited = _sum(leg.debited, facts), _sum(leg.credited, facts)
    if debited.currency != credited.currency:
        return [(leg.debit, EXCHANGE, debited), (EXCHANGE, leg.credit, credited)]
    if debited != credited:
        raise LawBroken(f"{facts.key}: debits {debited} but credits {credited}")
    return [(leg.debit, leg.credit, debited)]


def _sum(which: Sum, facts: Facts) -> Money:
    given = {Sum.CHARGED: facts.charged, Sum.CREDITED: facts.credited, Sum.FEE: facts.fee}[which]
    if given is None:
        raise LawBroken(f"{facts.key}: the sum {which} is missing")
    if which is Sum.FEE and facts.credited and facts.credited.currency != given.currency:
        raise LawBroken(f"{facts.key}: a fee in {given.currency} of {facts.credited}")
    return given
