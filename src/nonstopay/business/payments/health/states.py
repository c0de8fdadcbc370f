"""How a way to pay is doing, as one total table.

Two thresholds lie apart, so that it does not swing to and fro around one: it is called degraded when
many tries fail, and healthy again when hardly any do. What was down rests, then is tried with the few
payments that come its way, and they alone decide.
"""

from enum import StrEnum

from nonstopay.state_machine import STAY, Arrow, Machine


class State(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """Many tries fail through no fault of the payers'."""
    DOWN = "down"
    """Hardly any try succeeds."""
    PROBING = "probing"
    """It was down and has rested; the next tries tell."""


class Event(StrEnum):
    QUIET = "quiet"
    """Too few tries to say anything."""
    FINE = "fine"
    MIXED = "mixed"
    """Between the thresholds: no reason to change one's mind."""
    FAILING = "failing"
    DEAD = "dead"
    RESTED = "rested"
    """It has been down for long enough to be tried again."""


MACHINE: Machine[State, Event] = Machine(
    "health",
    State,
    Event,
    {
        State.HEALTHY: {
            Event.QUIET: STAY,
            Event.FINE: STAY,
            Event.MIXED: STAY,
            Event.FAILING: Arrow(State.DEGRADED),
            Event.DEAD: Arrow(State.DOWN),
            Event.RESTED: STAY,
        },
        State.DEGRADED: {
            # The failures have left the window, and nothing bad came after them.
            Event.QUIET: Arrow(State.HEALTHY),
            Event.FINE: Arrow(State.HEALTHY),
            Event.MIXED: STAY,
            Event.FAILING: STAY,
            Event.DEAD: Arrow(State.DOWN),
            Event.RESTED: STAY,
        },
        State.DOWN: {
            **dict.fromkeys(Event, STAY),
            Event.RESTED: Arrow(State.PROBING),
        },
        State.PROBING: {
            Event.QUIET: STAY,
            Event.FINE: Arrow(State.HEALTHY),
            Event.MIXED: Arrow(State.DEGRADED),
            Event.FAILING: Arrow(State.DOWN),
            Event.DEAD: Arrow(State.DOWN),
            Event.RESTED: STAY,
        },
    },
)

BEST_FIRST = (State.HEALTHY, State.DEGRADED, State.PROBING, State.DOWN)
