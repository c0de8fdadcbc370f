"""The life of a transaction.

It is refused before it has a nonce or never: from then on it is followed until its network is done with
it. A failed one was mined and reverted: its nonce is used up, and nothing can come of it any more.
"""

from enum import StrEnum

from nonstopay.state_machine import REFUSE, STAY, Arrow, Machine


class State(StrEnum):
    ASKED = "asked"
    PREPARED = "prepared"
    """It has its nonce, which is nobody else's."""
    SIGNED = "signed"
    """Its bytes are kept; no node need have them."""
    BROADCAST = "broadcast"
    """A node took it."""
    MINED = "mined"
    """It is in a block, which may still be left behind."""
    CONFIRMED = "confirmed"
    FAILED = "failed"
    """Reverted, finally: it moved nothing and never will."""
    REFUSED = "refused"


class Event(StrEnum):
    PREPARE = "prepare"
    SIGN = "sign"
    SEND = "send"
    BUMP = "bump"
    """Signed again at the same nonce, for higher fees."""
    MINE = "mine"
    """One of its hashes is in a block."""
    LOSE = "lose"
    """The block it was in was left behind."""
    CONFIRM = "confirm"
    REVERT = "revert"
    REFUSE = "refuse"


DONE = (State.CONFIRMED, State.FAILED, State.REFUSED)

MACHINE: Machine[State, Event] = Machine(
    "transaction",
    State,
    Event,
    {
        State.ASKED: {
            **dict.fromkeys(Event, REFUSE),
            Event.PREPARE: Arrow(State.PREPARED),
            Event.REFUSE: Arrow(State.REFUSED),
        },
        State.PREPARED: {
            **dict.fromkeys(Event, REFUSE),
            Event.SIGN: Arrow(State.SIGNED),
        },
        State.SIGNED: {
            **dict.fromkeys(Event, REFUSE),
            Event.SEND: Arrow(State.BROADCAST),
            Event.BUMP: STAY,
            Event.MINE: Arrow(State.MINED),
            Event.LOSE: STAY,
        },
        State.BROADCAST: {
            **dict.fromkeys(Event, REFUSE),
            Event.SEND: STAY,
            Event.BUMP: STAY,
            Event.MINE: Arrow(State.MINED),
            Event.LOSE: STAY,
        },
        State.MINED: {
            **dict.fromkeys(Event, REFUSE),
            Event.SEND: STAY,
            Event.MINE: STAY,
            Event.LOSE: Arrow(State.BROADCAST),
            Event.CONFIRM: Arrow(State.CONFIRMED),
            Event.REVERT: Arrow(State.FAILED),
        },
        **{state: dict.fromkeys(Event, REFUSE) for state in DONE},
    },
)
