"""The life of an invoice.

The merchant creates it, the payer opens its page and pays; then it awaits settlement, and is paid
when the stablecoin transfer to the merchant is confirmed. What came too late is still heard: a failed
or expired invoice that is paid after all goes on (`accept`), if the merchant's policy credits it.
"""

from enum import StrEnum

from nonstopay.state_machine import REFUSE, STAY, Arrow, Machine, Still


class State(StrEnum):
    CREATED = "created"
    OPENED = "opened"
    AWAITING_APPROVAL = "awaiting_approval"
    """The payer's payment succeeded; the merchant can already credit his customer."""
    PAID = "paid"
    """Settled: the transfer to the merchant's wallet is confirmed."""
    FAILED = "failed"
    EXPIRED = "expired"
    CHARGEBACK = "chargeback"
    WITHHELD = "withheld"
    """Paid, and the money is held until somebody has looked at the payment."""


class Event(StrEnum):
    OPEN = "open"
    """The payer is on the payment page."""
    ACCEPT = "accept"
    """A payment was captured and credited."""
    FAIL = "fail"
    """A server-to-server attempt was refused; there is no page to try again on."""
    EXPIRE = "expire"
    SETTLE = "settle"
    DISPUTE = "dispute"
    WITHHOLD = "withhold"
    WIN = "win"
    """What the payer's bank took came back."""
    RELEASE = "release"


_Answers = dict[Event, Arrow[State] | Still]
_UNPAID: _Answers = {
    Event.ACCEPT: Arrow(State.AWAITING_APPROVAL),
    Event.FAIL: Arrow(State.FAILED),
    Event.EXPIRE: Arrow(State.EXPIRED),
    Event.SETTLE: REFUSE,
    Event.DISPUTE: REFUSE,
    Event.WIN: STAY,
    Event.WITHHOLD: Arrow(State.WITHHELD),
    Event.RELEASE: REFUSE,
}
_OVER: _Answers = {
    **dict.fromkeys(Event, STAY),
    Event.SETTLE: REFUSE,
    Event.RELEASE: REFUSE,
}

MACHINE: Machine[State, Event] = Machine(
    "invoice",
    State,
    Event,
    {
        State.CREATED: {**_UNPAID, Event.OPEN: Arrow(State.OPENED)},
        State.OPENED: {**_UNPAID, Event.OPEN: STAY},
        State.AWAITING_APPROVAL: {
            **_OVER,
            Event.SETTLE: Arrow(State.PAID),
            Event.DISPUTE: Arrow(State.CHARGEBACK),
            Event.WITHHOLD: Arrow(State.WITHHELD),
        },
        State.PAID: {
            **_OVER,
            Event.SETTLE: STAY,
            Event.DISPUTE: Arrow(State.CHARGEBACK),
            Event.WITHHOLD: REFUSE,
        },
        State.FAILED: {
            **_OVER,
            Event.ACCEPT: Arrow(State.AWAITING_APPROVAL),
            Event.WITHHOLD: Arrow(State.WITHHELD),
        },
        State.EXPIRED: {
            **_OVER,
            Event.ACCEPT: Arrow(State.AWAITING_APPROVAL),
            Event.WITHHOLD: Arrow(State.WITHHELD),
        },
        State.CHARGEBACK: {
            **_OVER,
            Event.SETTLE: STAY,
            Event.WIN: Arrow(State.AWAITING_APPROVAL),
            # The bank took a part of what is withheld; the rest waits for its review all the same.
            Event.RELEASE: STAY,
            Event.WITHHOLD: Arrow(State.WITHHELD),
        },
        State.WITHHELD: {
            **_OVER,
            Event.DISPUTE: Arrow(State.CHARGEBACK),
            Event.RELEASE: Arrow(State.AWAITING_APPROVAL),
        },
    },
)

PAYABLE = frozenset({State.CREATED, State.OPENED})
"""States in which a payer may start a payment."""
EARNED = frozenset({State.AWAITING_APPROVAL, State.PAID})
"""States in which the invoice's amount was credited; more money for it goes back to the payer."""
