"""The life of a refund.

The merchant's money is set aside in the transaction that asks for the refund, so a hundred refunds at
one moment cannot give back more than was paid. It goes to the payer when the provider says so, or back
to the merchant; providers may take even a finished refund back, when the payer's account is closed. One
that somebody made at the provider's desk is heard of when it is done.
"""

from enum import StrEnum

from nonstopay.ledger.movements import (
    REFUND_ASKED,
    REFUND_AT_DESK,
    REFUND_CAME_BACK,
    REFUND_TO_PAYER,
    REFUND_UNDONE,
)
from nonstopay.state_machine import REFUSE, STAY, Arrow, Machine


class State(StrEnum):
    NEW = "new"
    """Wanted this moment, or heard of."""
    PENDING = "pending"
    """Set aside; the provider is asked until it has done it, or refuses."""
    SUCCESS = "success"
    FAILED = "failed"


class Event(StrEnum):
    ASKED = "asked"
    """By the merchant, here."""
    REFUNDED = "refunded"
    REFUSED = "refused"


MACHINE: Machine[State, Event] = Machine(
    "refund",
    State,
    Event,
    {
        State.NEW: {
            Event.ASKED: Arrow(State.PENDING, REFUND_ASKED),
            Event.REFUNDED: Arrow(State.SUCCESS, REFUND_AT_DESK),
            Event.REFUSED: REFUSE,
        },
        State.PENDING: {
            Event.ASKED: REFUSE,
            Event.REFUNDED: Arrow(State.SUCCESS, REFUND_TO_PAYER),
            Event.REFUSED: Arrow(State.FAILED, REFUND_UNDONE),
        },
        State.SUCCESS: {
            Event.ASKED: REFUSE,
            Event.REFUNDED: STAY,
            Event.REFUSED: Arrow(State.FAILED, REFUND_CAME_BACK),
        },
        State.FAILED: {Event.ASKED: REFUSE, Event.REFUNDED: STAY, Event.REFUSED: STAY},
    },
)
