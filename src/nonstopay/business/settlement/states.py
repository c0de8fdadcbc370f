"""The life of a batch.

It is closed in the transaction that collects it. What is on its way is asked about under the key it was
asked for with, until the sender knows; only his refusal, which is final, allows another key.
"""

from enum import StrEnum

from nonstopay.ledger.movements import SETTLE, SETTLED
from nonstopay.state_machine import REFUSE, STAY, Arrow, Machine


class State(StrEnum):
    OPEN = "open"
    """Being collected, this moment."""
    CLOSED = "closed"
    """Its sums stand; nobody was asked to pay it, or the sender refused."""
    PAYING = "paying"
    """The sender was asked, and has not confirmed."""
    PAID = "paid"


class Event(StrEnum):
    CLOSE = "close"
    ASK = "ask"
    """The sender is about to be asked."""
    SENT = "sent"
    """The transfer is on its way, by its hash."""
    CONFIRMED = "confirmed"
    """The transfer is final on its network."""
    UNKNOWN = "unknown"
    REFUSED = "refused"
    """Nothing was sent under this key, and nothing will be."""


MACHINE: Machine[State, Event] = Machine(
    "batch",
    State,
    Event,
    {
        State.OPEN: {
            **dict.fromkeys(Event, REFUSE),
            Event.CLOSE: Arrow(State.CLOSED, SETTLE),
        },
        State.CLOSED: {
            **dict.fromkeys(Event, REFUSE),
            Event.CLOSE: STAY,
            Event.ASK: Arrow(State.PAYING),
            Event.UNKNOWN: STAY,
            Event.REFUSED: STAY,
        },
        State.PAYING: {
            Event.CLOSE: STAY,
            Event.ASK: STAY,
            Event.SENT: STAY,
            Event.CONFIRMED: Arrow(State.PAID, SETTLED),
            Event.UNKNOWN: STAY,
            Event.REFUSED: Arrow(State.CLOSED),
        },
        State.PAID: {
            **dict.fromkeys(Event, STAY),
            Event.REFUSED: REFUSE,
        },
    },
)
