"""The life of a payment: one attempt of a payer to pay an invoice, at one provider.

The events are what connectors report (`connectors/outcome.py`), with one distinction that only the
core can make: captured money is credited to the merchant, or it must go back to the payer (the invoice
was already paid, or it came late and the merchant's policy is to refund); reserved money is kept to be
captured, or let go.

Nothing but the provider's word ends a payment in doubt, and a refusal is never the last word: most
providers may report `captured` after `declined`, so every state before the money hears it.

There are three tables. A payer's UPI app pays an order, once or not at all (`ORDER`); a card is charged,
and may be only reserved at first (`CHARGE`); coins come to an address, in as many transfers as the payer
likes, and a chain may take them back (`COINS`). How much came of them is a balance, not a state.
"""

from enum import StrEnum

from nonstopay.business.invoices.invoice import CARD, CRYPTO
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
    AUTHORISED = "authorised"
    """The money is reserved; the merchant captures it or lets it go."""
    VOIDING = "voiding"
    """What is reserved is being let go."""
    VOIDED = "voided"
    """It was let go, or its time ran out: nothing was taken."""
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
    AUTHORISED = "authorised"
    LET_GO = "let_go"
    """Reserved, and not to be captured."""
    PART_CAPTURED = "part_captured"
    """The merchant had the first part of what is reserved captured; `captures/` books each part."""
    VOIDED = "voided"
    VOID_REFUSED = "void_refused"
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
_NOTHING_RESERVED: _Answers = dict.fromkeys(
    (Event.AUTHORISED, Event.LET_GO, Event.PART_CAPTURED, Event.VOIDED, Event.VOID_REFUSED), REFUSE
)
_OPEN: _Answers = {
    Event.WAITING: Arrow(State.WAITING),
    Event.PROCESSING: Arrow(State.PROCESSING),
    Event.DECLINED: Arrow(State.DECLINED),
    Event.EXPIRED: Arrow(State.EXPIRED),
    Event.UNKNOWN: Arrow(State.UNKNOWN),
    **_MONEY_CAME,
    **_NO_REFUND_YET,
    **_NOTHING_RESERVED,
}
_MONEY_IS_HERE: _Answers = dict.fromkeys(Event, STAY)
_NEVER: _Answers = dict.fromkeys(Event, REFUSE)

ORDER: Machine[State, Event] = Machine(
    "order",
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
        State.AUTHORISED: _NEVER,
        State.VOIDING: _NEVER,
        State.VOIDED: _NEVER,
        State.CAPTURED: {**_MONEY_IS_HERE, **_NO_REFUND_YET},
        State.RETURNING: {
            **_MONEY_IS_HERE,
            Event.REFUNDED: Arrow(State.RETURNED, "refund_to_payer"),
        },
        State.RETURNED: {**_MONEY_IS_HERE},
    },
)

_UNRESERVED: _Answers = {
    **_OPEN,
    Event.AUTHORISED: Arrow(State.AUTHORISED),
    Event.LET_GO: Arrow(State.VOIDING),
    Event.PART_CAPTURED: REFUSE,
    Event.VOIDED: Arrow(State.VOIDED),
    Event.VOID_REFUSED: REFUSE,
}
_RESERVED: _Answers = {
    **dict.fromkeys(Event, STAY),
    **_MONEY_CAME,
    **_NO_REFUND_YET,
    Event.EXPIRED: Arrow(State.VOIDED),
    Event.VOIDED: Arrow(State.VOIDED),
}

CHARGE: Machine[State, Event] = Machine(
    "charge",
    State,
    Event,
    {
        # The card code is gone with the call: a charge is never sent again, it is asked about.
        State.STARTING: _UNRESERVED,
        State.WAITING: {**_UNRESERVED, Event.WAITING: STAY},
        State.PROCESSING: {**_UNRESERVED, Event.PROCESSING: STAY, Event.WAITING: STAY},
        State.UNKNOWN: {**_UNRESERVED, Event.UNKNOWN: STAY},
        State.DECLINED: {
            **_UNRESERVED,
            **dict.fromkeys((Event.DECLINED, Event.WAITING, Event.EXPIRED, Event.UNKNOWN), STAY),
        },
        State.EXPIRED: {
            **_UNRESERVED,
            **dict.fromkeys((Event.EXPIRED, Event.WAITING, Event.DECLINED, Event.UNKNOWN), STAY),
        },
        State.AUTHORISED: {
            **_RESERVED,
            Event.LET_GO: Arrow(State.VOIDING),
            Event.PART_CAPTURED: Arrow(State.CAPTURED),
        },
        # A void that is refused is asked about: it may have been captured, or be over. A part that was
        # taken before the rest was let go may be told of after it.
        State.VOIDING: {**_RESERVED, Event.PART_CAPTURED: Arrow(State.CAPTURED)},
        State.VOIDED: {
            **_RESERVED,
            **dict.fromkeys((Event.VOIDED, Event.EXPIRED), STAY),
            Event.PART_CAPTURED: Arrow(State.CAPTURED),
        },
        State.CAPTURED: {**_MONEY_IS_HERE, **_NO_REFUND_YET},
        State.RETURNING: {
            **_MONEY_IS_HERE,
            Event.REFUNDED: Arrow(State.RETURNED, "refund_to_payer"),
        },
        State.RETURNED: {**_MONEY_IS_HERE},
    },
)


_COINS_CAME: _Answers = {
    **dict.fromkeys(Event, REFUSE),
    Event.WAITING: Arrow(State.WAITING),
    Event.PROCESSING: Arrow(State.PROCESSING),
    Event.EXPIRED: Arrow(State.EXPIRED),
    Event.CREDIT: Arrow(State.CAPTURED, "deposit_accepted"),
}

COINS: Machine[State, Event] = Machine(
    "coins",
    State,
    Event,
    {
        **dict.fromkeys(State, _NEVER),
        State.WAITING: {**_COINS_CAME, Event.WAITING: STAY},
        # In a block, and not sure yet; back to waiting when the chain takes it back, or it was too little.
        State.PROCESSING: {**_COINS_CAME, Event.PROCESSING: STAY},
        State.EXPIRED: {**_COINS_CAME, Event.EXPIRED: STAY},
        State.CAPTURED: {
            **dict.fromkeys(Event, REFUSE),
            **dict.fromkeys((Event.WAITING, Event.PROCESSING, Event.EXPIRED), STAY),
        },
    },
)


def machine_of(method: str) -> Machine[State, Event]:
    """The table of a payment by this method."""
    return {CARD.name: CHARGE, CRYPTO.name: COINS}.get(method, ORDER)


IN_DOUBT = frozenset({State.PROCESSING, State.UNKNOWN, State.AUTHORISED, State.VOIDING})
"""The payer may have paid: no second attempt is offered, and the invoice does not expire."""
OPEN = frozenset({State.STARTING, State.WAITING, State.DECLINED}) | IN_DOUBT
"""The payer's money may still come; the provider is asked until it says how it ended."""
EARNED = frozenset({State.CAPTURED, State.RETURNING, State.RETURNED})
