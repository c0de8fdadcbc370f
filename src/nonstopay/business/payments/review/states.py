"""The life of a review. While it is held the merchant has the invoice, and not its money."""

from enum import StrEnum

from nonstopay.ledger.movements import RELEASE, WITHHOLD
from nonstopay.state_machine import STAY, Arrow, Machine


class State(StrEnum):
    NEW = "new"
    """Captured this moment."""
    HELD = "held"
    RELEASED = "released"
    """The payment is in order."""
    REFUSED = "refused"
    """It is not: the payer gets his money back."""
    TAKEN = "taken"
    """The payer's bank did not wait for us."""


class Event(StrEnum):
    MONEY = "money"
    """Money of the payment came: captured, or a refund of it came back."""
    RELEASE = "release"
    REFUSE = "refuse"
    CHARGEBACK = "chargeback"


MACHINE: Machine[State, Event] = Machine(
    "review",
    State,
    Event,
    {
        State.NEW: {**dict.fromkeys(Event, STAY), Event.MONEY: Arrow(State.HELD, WITHHOLD)},
        State.HELD: {
            Event.MONEY: Arrow(State.HELD, WITHHOLD),
            Event.RELEASE: Arrow(State.RELEASED, RELEASE),
            Event.REFUSE: Arrow(State.REFUSED, RELEASE),
            Event.CHARGEBACK: Arrow(State.TAKEN, RELEASE),
        },
        State.RELEASED: dict.fromkeys(Event, STAY),
        # What came after the refusal waits for another look.
        State.REFUSED: {
            **dict.fromkeys(Event, STAY),
            Event.MONEY: Arrow(State.HELD, WITHHOLD),
            Event.CHARGEBACK: Arrow(State.TAKEN),
        },
        State.TAKEN: dict.fromkeys(Event, STAY),
    },
)
