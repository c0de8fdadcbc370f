"""The life of a capture: asked for, then done or refused. Only the provider's word ends it."""

from enum import StrEnum

from nonstopay.ledger.movements import CAPTURE
from nonstopay.state_machine import STAY, Arrow, Machine


class State(StrEnum):
    ASKED = "asked"
    DONE = "done"
    REFUSED = "refused"


class Event(StrEnum):
    CAPTURED = "captured"
    REFUSED = "refused"


MACHINE: Machine[State, Event] = Machine(
    "capture",
    State,
    Event,
    {
        State.ASKED: {
            Event.CAPTURED: Arrow(State.DONE, CAPTURE),
            Event.REFUSED: Arrow(State.REFUSED),
        },
        State.DONE: {Event.CAPTURED: STAY, Event.REFUSED: STAY},
        State.REFUSED: {Event.CAPTURED: Arrow(State.DONE, CAPTURE), Event.REFUSED: STAY},
    },
)
