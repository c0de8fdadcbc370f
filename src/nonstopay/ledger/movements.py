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
from nonstopay.ledger.chart import (
    DEPOSITS,
    EXCHANGE,
    FEES,
    LIQUIDITY,
    LOSSES,
    MARKUP,
    MERCHANT,
    OWES,
    PARTNER,
    PAYER,
    PROVIDER,
    RESERVE,
    SETTLING,
    WITHHELD,
)
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
    COVERED = "covered"
    """The part that the merchant's balance pays or gets, in the invoice's currency."""
    OWED = "owed"
    """The part that he owes us, or that pays what he owes, in the invoice's currency."""
    RESERVED = "reserved"
    """What is set aside of it until a date, in the invoice's currency."""
    SHARE = "share"
    """The partner's part of our fee, in the invoice's currency."""
    PAYABLE = "payable"
    """What is settled, in the invoice's currency."""
    CONVERTED = "converted"
    """The same in the coin, by the mid rate."""
    MARKUP = "markup"
    """What we keep of that for exchanging, in the coin."""
    PAID_OUT = "paid_out"
    """What goes to the merchant's wallet, in the coin."""


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
REFUND_ASKED = "refund_asked"
REFUND_UNDONE = "refund_undone"
REFUND_CAME_BACK = "refund_came_back"
REFUND_AT_DESK = "refund_at_desk"
WITHHOLD = "withhold"
RELEASE = "release"
FEE_UNDONE = "fee_undone"
CHARGEBACK = "chargeback"
CHARGEBACK_UNDONE = "chargeback_undone"
CHARGEBACK_BORNE = "chargeback_borne"
CHARGEBACK_BORNE_UNDONE = "chargeback_borne_undone"
REPAY = "repay"
SETTLE = "settle"
SETTLED = "settled"
RESERVE_RELEASED = "reserve_released"
DEPOSIT = "deposit"
DEPOSIT_LOST = "deposit_lost"
DEPOSIT_BACK = "deposit_back"
DEPOSIT_ACCEPTED = "deposit_accepted"
DEPOSIT_REFUNDED = "deposit_refunded"

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
    Movement(REFUND_ASKED, "the merchant gives money back: it waits to go to the payer", (
        Leg(MERCHANT, Sum.CREDITED,    PAYER,    Sum.CHARGED),
    )),
    Movement(REFUND_UNDONE, "the provider refused the refund: the merchant has his money again", (
        Leg(PAYER,    Sum.CHARGED,     MERCHANT, Sum.CREDITED),
    )),
    Movement(REFUND_CAME_BACK, "a refund that was done came back: the merchant has his money again", (
        Leg(PROVIDER, Sum.CHARGED,     MERCHANT, Sum.CREDITED),
    )),
    Movement(REFUND_AT_DESK, "somebody gave it back at the provider: what the balance lacks is owed", (
        Leg(OWES,     Sum.OWED,        MERCHANT, Sum.OWED),
        Leg(MERCHANT, Sum.CREDITED,    PAYER,    Sum.CHARGED),
        Leg(PAYER,    Sum.CHARGED,     PROVIDER, Sum.CHARGED),
    )),
    Movement(WITHHOLD, "a payment is held for review: the merchant cannot have it yet", (
        Leg(MERCHANT, Sum.CREDITED,    WITHHELD, Sum.CREDITED),
    )),
    Movement(RELEASE, "the review is over: the merchant has it", (
        Leg(WITHHELD, Sum.CREDITED,    MERCHANT, Sum.CREDITED),
    )),
    Movement(FEE_UNDONE, "the review refused a payment: our fee on it goes back to the merchant", (
        Leg(FEES,     Sum.FEE,         MERCHANT, Sum.FEE),
    )),
    Movement(CHARGEBACK, "the payer's bank took it back: out of the balance, the rest is owed", (
        Leg(MERCHANT, Sum.COVERED,     PROVIDER, Sum.COVERED),
        Leg(OWES,     Sum.OWED,        PROVIDER, Sum.OWED),
    )),
    Movement(CHARGEBACK_UNDONE, "we won it back: it pays what is owed, the rest is credited", (
        Leg(PROVIDER, Sum.COVERED,     MERCHANT, Sum.COVERED),
        Leg(PROVIDER, Sum.OWED,        OWES,     Sum.OWED),
    )),
    Movement(CHARGEBACK_BORNE, "the payer's bank took what had gone back already: our loss", (
        Leg(LOSSES,   Sum.CHARGED,     PROVIDER, Sum.CHARGED),
    )),
    Movement(CHARGEBACK_BORNE_UNDONE, "of a dispute of what went back, money came here again", (
        Leg(PROVIDER, Sum.CHARGED,     LOSSES,   Sum.CHARGED),
    )),
    Movement(REPAY, "the merchant's earnings pay what he owes", (
        Leg(MERCHANT, Sum.OWED,        OWES,     Sum.OWED),
    )),
    Movement(SETTLE, "a batch closes: less the reserve, his money is on its way, in the coin", (
        Leg(MERCHANT, Sum.RESERVED,    RESERVE,  Sum.RESERVED),
        Leg(FEES,     Sum.SHARE,       PARTNER,  Sum.SHARE),
        Leg(MERCHANT, Sum.PAYABLE,     SETTLING, Sum.CONVERTED),
        Leg(SETTLING, Sum.MARKUP,      MARKUP,   Sum.MARKUP),
    )),
    Movement(SETTLED, "the transfer to the merchant's wallet is confirmed", (
        Leg(SETTLING, Sum.PAID_OUT,    LIQUIDITY, Sum.PAID_OUT),
    )),
    Movement(RESERVE_RELEASED, "the date has come: what was set aside is the merchant's again", (
        Leg(RESERVE,  Sum.RESERVED,    MERCHANT, Sum.RESERVED),
    )),
    Movement(DEPOSIT, "a transfer to one of our addresses is sure: it is the payer's until accepted", (
        Leg(DEPOSITS, Sum.CHARGED,     PAYER,    Sum.CHARGED),
    )),
    Movement(DEPOSIT_LOST, "the chain took back a deposit that was sure: our loss until looked into", (
        Leg(LOSSES,   Sum.CHARGED,     DEPOSITS, Sum.CHARGED),
    )),
    Movement(DEPOSIT_BACK, "a deposit that the chain had taken back is there again", (
        Leg(DEPOSITS, Sum.CHARGED,     LOSSES,   Sum.CHARGED),
    )),
    Movement(DEPOSIT_ACCEPTED, "what came pays the invoice: the merchant is credited, less our fee", (
        Leg(PAYER,    Sum.CHARGED,     MERCHANT, Sum.CREDITED),
        Leg(MERCHANT, Sum.FEE,         FEES,     Sum.FEE),
    )),
    Movement(DEPOSIT_REFUNDED, "coins that paid for nothing went back to an address the payer named", (
        Leg(PAYER,    Sum.CHARGED,     LIQUIDITY, Sum.CHARGED),
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
        partner: his id, which fills `partner:<partner>`.
        network: which fills `liquidity:<network>`.
        charged, …, paid_out: the sums. A movement refuses to guess one that is not given; zero makes
            no line.
    """

    merchant_id: int
    key: str
    about: str
    at: datetime
    connector: str
    charged: Money | None = None
    credited: Money | None = None
    fee: Money | None = None
    covered: Money | None = None
    owed: Money | None = None
    reserved: Money | None = None
    share: Money | None = None
    payable: Money | None = None
    converted: Money | None = None
    markup: Money | None = None
    paid_out: Money | None = None
    partner: str = ""
    network: str = ""


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
            debit=_filled(debit, facts),
            credit=_filled(credit, facts),
            amount=amount,
            about=facts.about,
            at=facts.at,
        )
        for line, (debit, credit, amount) in enumerate(
            (flow for flow in flows if flow[2].minor != 0), start=1
        )
    ]


def _filled(account: str, facts: Facts) -> str:
    for hole in ("connector", "partner", "network"):
        account = account.replace(f"<{hole}>", getattr(facts, hole))
    return account


def _flows(leg: Leg, facts: Facts) -> list[tuple[str, str, Money]]:
    debited, credited = _sum(leg.debited, facts), _sum(leg.credited, facts)
    if debited.currency != credited.currency:
        return [(leg.debit, EXCHANGE, debited), (EXCHANGE, leg.credit, credited)]
    if debited != credited:
        raise LawBroken(f"{facts.key}: debits {debited} but credits {credited}")
    return [(leg.debit, leg.credit, debited)]


def _sum(which: Sum, facts: Facts) -> Money:
    given: Money | None = getattr(facts, which)
    if given is None:
        raise LawBroken(f"{facts.key}: the sum {which} is missing")
    if which is Sum.FEE and facts.credited and facts.credited.currency != given.currency:
        raise LawBroken(f"{facts.key}: a fee in {given.currency} of {facts.credited}")
    return given
