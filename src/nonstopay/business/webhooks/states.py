"""The life of a delivery, as one total table."""

from enum import StrEnum

from nonstopay.state_machine import STAY, Arrow, Machine


class State(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class Happening(StrEnum):
    RECEIVED = "received"
    """The endpoint answered 2xx in time."""
    FAILED = "failed"
    """Anything else, and the retry plan goes on."""
    EXHAUSTED = "exhausted"
    """Anything else, and it was the plan's last try."""
    SWITCHED_OFF = "switched_off"
    """The endpoint is disabled: it answered 410, or its merchant said so."""
    REPLAYED = "replayed"
    """Somebody wants it sent again, by a new plan."""


# A worker that froze may report late. A receipt is a receipt then, too; a late failure changes
# nothing.
DELIVERY = Machine(
    "delivery",
    State,
    Happening,
    {
        State.PENDING: {
            Happening.RECEIVED: Arrow(State.DELIVERED),
            Happening.FAILED: STAY,
            Happening.EXHAUSTED: Arrow(State.DEAD),
            Happening.SWITCHED_OFF: Arrow(State.DEAD),
            Happening.REPLAYED: STAY,
        },
        State.DELIVERED: {
            Happening.RECEIVED: STAY,
            Happening.FAILED: STAY,
            Happening.EXHAUSTED: STAY,
            Happening.SWITCHED_OFF: STAY,
            Happening.REPLAYED: Arrow(State.PENDING),
        },
        State.DEAD: {
            Happening.RECEIVED: Arrow(State.DELIVERED),
            Happening.FAILED: STAY,
            Happening.EXHAUSTED: STAY,
            Happening.SWITCHED_OFF: STAY,
            Happening.REPLAYED: Arrow(State.PENDING),
        },
    },
)
