"""The life of a dispute.

Its stages may come late, twice, or one may be left out: a chargeback that we never heard the beginning of
takes the money all the same. The arrows say when money moves.
"""

from enum import StrEnum

from nonstopay.connectors.outcome import DisputeStage as Stage
from nonstopay.ledger.movements import CHARGEBACK, CHARGEBACK_UNDONE
from nonstopay.state_machine import STAY, Arrow, Machine


class State(StrEnum):
    NEW = "new"
    """Heard of this moment."""
    INQUIRY = "inquiry"
    """The bank asks; no money has moved."""
    CHARGEBACK = "chargeback"
    """The bank has the money."""
    WON = "won"
    LOST = "lost"


_TAKEN = Arrow(State.CHARGEBACK, CHARGEBACK)
_FROM_THE_START = {
    Stage.INQUIRY: Arrow(State.INQUIRY),
    Stage.CHARGEBACK: _TAKEN,
    Stage.PRE_ARBITRATION: _TAKEN,
    Stage.WON: Arrow(State.WON),
    Stage.LOST: Arrow(State.LOST, CHARGEBACK),
}

MACHINE: Machine[State, Stage] = Machine(
    "dispute",
    State,
    Stage,
    {
        State.NEW: _FROM_THE_START,
        State.INQUIRY: {**_FROM_THE_START, Stage.INQUIRY: STAY},
        State.CHARGEBACK: {
            Stage.INQUIRY: STAY,
            Stage.CHARGEBACK: STAY,
            Stage.PRE_ARBITRATION: STAY,
            Stage.WON: Arrow(State.WON, CHARGEBACK_UNDONE),
            Stage.LOST: Arrow(State.LOST),
        },
        # The bank may insist; the first chargeback told late is not that.
        State.WON: {
            Stage.INQUIRY: STAY,
            Stage.CHARGEBACK: STAY,
            Stage.PRE_ARBITRATION: _TAKEN,
            Stage.WON: STAY,
            Stage.LOST: Arrow(State.LOST, CHARGEBACK),
        },
        State.LOST: {
            **dict.fromkeys(Stage, STAY),
            Stage.WON: Arrow(State.WON, CHARGEBACK_UNDONE),
        },
    },
)
