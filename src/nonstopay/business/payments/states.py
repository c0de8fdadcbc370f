"""The life of a payment: one attempt of a payer to pay an invoice, at one provider.

The events are what connectors report (`connectors/outcome.py`), with one distinction that only the
core can make: captured money is credited to the merchant, or it must go back to the payer (the invoice
was already paid, or it came late and the merchant's policy is to refund).

Nothing but the provider's word ends a payment in doubt, and a refusal is never the last word: most UPI
providers may report `captured` after `declined`, so every state before the money hears it.
"""

from enum import StrEnum

from nonstopay.state_machine import REFUSE, STAY, Arrow, Machine, Still


class State(StrEnum):
    STARTING = "starting"
    """Our row is there; the provider has not confirmed the order."""
    WAITING = "waiting"
    """The payer can pay."""
    PROCESSING = "processing"
    """The payer acted; the banks have not finished."""
    UNKNOWN = "unknown"
    """Nobody can say; we keep asking."""
    DECLINED = "declined"
    """The last try was refused; the order may still be paid until it expires."""
    EXPIRED = "expired"
    CAPTURED = "captured"
    RETURNING = "returning"
    """Money came that must go back; the refund is on its way."""
    RETURNED = "returned"


class Event(StrEnum):
    WAITING = "waiting"
    PROCESSING = "processing"
    CREDIT = "credit"
    """Captured, and the merchant gets it."""
    RETURN = "return"
    """Captured, and the payer gets it back."""
    DECLINED = "declined"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    REFUNDED = "refunded"
    REFUND_REFUSED = "refund_refused"


_Answers = dict[Event, Arrow[State] | Still]
_MONEY_CAME: _Answers = {
    Event.CREDIT: Arrow(State.CAPTURED, "capture"),
    Event.RETURN: Arrow(State.RETURNING, "capture_to_return"),
}
_NO_REFUND_YET: _Answers = {Event.REFUNDED: REFUSE, Event.REFUND_REFUSED: REFUSE}
_OPEN: _Answers = {
    Event.WAITING: Arrow(State.WAITING),
    Event.PROCESSING: Arrow(State.PROCESSING),
    Event.DECLINED: Arrow(State.DECLINED),
    Event.EXPIRED: Arrow(State.EXPIRED),
    Event.UNKNOWN: Arrow(State.UNKNOWN),
    **_MONEY_CAME,
    **_NO_REFUND_YET,
}
_MONEY_IS_HERE: _Answers = dict.fromkeys(Event, STAY)

MACHINE: Machine[State, Event] = Machine(
    "payment",
    State,
    Event,
    {
        # No link was given out yet, so an unanswered start is simply tried again.
        State.STARTING: {**_OPEN, Event.UNKNOWN: STAY},
        State.WAITING: {**_OPEN, Event.WAITING: STAY},
        State.PROCESSING: {**_OPEN, Event.PROCESSING: STAY, Event.WAITING: STAY},
        State.UNKNOWN: {**_OPEN, Event.UNKNOWN: STAY},
        State.DECLINED: {**_OPEN, Event.DECLINED: STAY, Event.WAITING: STAY, Event.EXPIRED: STAY},
        State.EXPIRED: {**_OPEN, Event.EXPIRED: STAY, Event.WAITING: STAY, Event.DECLINED: STAY},
        State.CAPTURED: {**_MONEY_IS_HERE, **_NO_REFUND_YET},
        State.RETURNING: {
            **_MONEY_IS_HERE,
            Event.REFUNDED: Arrow(State.RETURNED, "refund_to_payer"),
        },
        State.RETURNED: {**_MONEY_IS_HERE},
    },
)

IN_DOUBT = frozenset({State.PROCESSING, State.UNKNOWN})
"""The payer may have paid: no second attempt is offered, and the invoice does not expire."""
OPEN = frozenset({State.STARTING, State.WAITING, State.DECLINED}) | IN_DOUBT
"""The payer's money may still come; the provider is asked until it says how it ended."""
EARNED = frozenset({State.CAPTURED, State.RETURNING, State.RETURNED})
