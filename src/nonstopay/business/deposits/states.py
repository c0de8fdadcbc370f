"""The life of a deposit.

Whether it is credited is decided above, by what this table says: CONFIRMED alone counts. A block that a
reorganisation left behind may come back, and its deposits with it.
"""

from enum import StrEnum

from nonstopay.state_machine import REFUSE, STAY, Arrow, Machine


class State(StrEnum):
    SEEN = "seen"
    """In a block of the chain; not deep enough to be sure of."""
    CONFIRMED = "confirmed"
    GONE = "gone"
    """A reorganisation took its block away before we were sure of it."""
    FROZEN = "frozen"
    """A reorganisation took its block away when it was confirmed: somebody must look."""
    IGNORED = "ignored"
    """A token that is not on our list, or dust: kept to be found, and never credited."""


class Event(StrEnum):
    SEE = "see"
    """Its block is in the chain."""
    CONFIRM = "confirm"
    """Its block is deep enough, and the nodes that must agree do."""
    LOSE = "lose"
    """Its block is no longer in the chain."""


MACHINE: Machine[State, Event] = Machine(
    "deposit",
    State,
    Event,
    {
        State.SEEN: {
            Event.SEE: STAY,
            Event.CONFIRM: Arrow(State.CONFIRMED),
            Event.LOSE: Arrow(State.GONE),
        },
        State.CONFIRMED: {
            Event.SEE: STAY,
            Event.CONFIRM: STAY,
            Event.LOSE: Arrow(State.FROZEN),
        },
        State.GONE: {
            Event.SEE: Arrow(State.SEEN),
            Event.CONFIRM: REFUSE,
            Event.LOSE: STAY,
        },
        State.FROZEN: {
            Event.SEE: STAY,
            Event.CONFIRM: Arrow(State.CONFIRMED),
            Event.LOSE: STAY,
        },
        State.IGNORED: {
            Event.SEE: STAY,
            Event.CONFIRM: REFUSE,
            Event.LOSE: STAY,
        },
    },
)
