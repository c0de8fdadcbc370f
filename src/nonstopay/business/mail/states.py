"""The life of a letter, as one total table."""

from enum import StrEnum

from nonstopay.state_machine import STAY, Arrow, Machine


class State(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


class Happening(StrEnum):
    ACCEPTED = "accepted"
    """The relay took it."""
    DEFERRED = "deferred"
    """It was not taken, and the plan goes on."""
    EXHAUSTED = "exhausted"
    """It was not taken, and it was the plan's last try."""
    REFUSED = "refused"
    """It will never be taken."""


# A worker that froze may report late: that it was taken is true then, too.
MAIL = Machine(
    "mail",
    State,
    Happening,
    {
        State.WAITING: {
            Happening.ACCEPTED: Arrow(State.SENT),
            Happening.DEFERRED: STAY,
            Happening.EXHAUSTED: Arrow(State.DEAD),
            Happening.REFUSED: Arrow(State.DEAD),
        },
        State.SENT: {
            Happening.ACCEPTED: STAY,
            Happening.DEFERRED: STAY,
            Happening.EXHAUSTED: STAY,
            Happening.REFUSED: STAY,
        },
        State.DEAD: {
            Happening.ACCEPTED: Arrow(State.SENT),
            Happening.DEFERRED: STAY,
            Happening.EXHAUSTED: STAY,
            Happening.REFUSED: STAY,
        },
    },
)
