"""The life of a wallet. A merchant has one in use at most, and one under way at most."""

from enum import StrEnum

from nonstopay.state_machine import REFUSE, STAY, Arrow, Machine


class State(StrEnum):
    PROPOSED = "proposed"
    """Named by the merchant; it may be anybody's."""
    CONFIRMED = "confirmed"
    """Proven or approved; used when its day has come."""
    ACTIVE = "active"
    REPLACED = "replaced"
    CANCELLED = "cancelled"


class Event(StrEnum):
    CONFIRM = "confirm"
    SWITCH = "switch"
    """Its day has come."""
    REPLACE = "replace"
    """Another one's day has come."""
    CANCEL = "cancel"


_OVER = {**dict.fromkeys(Event, STAY), Event.CONFIRM: REFUSE, Event.SWITCH: REFUSE}

MACHINE: Machine[State, Event] = Machine(
    "wallet",
    State,
    Event,
    {
        State.PROPOSED: {
            Event.CONFIRM: Arrow(State.CONFIRMED),
            Event.SWITCH: REFUSE,
            Event.REPLACE: STAY,
            Event.CANCEL: Arrow(State.CANCELLED),
        },
        State.CONFIRMED: {
            Event.CONFIRM: STAY,
            Event.SWITCH: Arrow(State.ACTIVE),
            Event.REPLACE: STAY,
            Event.CANCEL: Arrow(State.CANCELLED),
        },
        State.ACTIVE: {
            Event.CONFIRM: STAY,
            Event.SWITCH: STAY,
            Event.REPLACE: Arrow(State.REPLACED),
            Event.CANCEL: REFUSE,
        },
        State.REPLACED: _OVER,
        State.CANCELLED: _OVER,
    },
)
