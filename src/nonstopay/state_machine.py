"""Life cycles as tables.

A machine is a table `(state, event) → arrow`, and it is *total*: every pair is written down, as an
arrow, as `STAY` (heard, nothing changes) or as `REFUSE` (cannot happen: a bug if it does). The arrow
names the money movement it posts, so that the state and the books cannot part. The drawings in the
documents are made from these tables (`draw`), and `step` is the only way a state changes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Generic, TypeVar

from nonstopay.errors import IllegalTransition, LawBroken

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


class Still(Enum):
    """The two ways in which an event moves nothing."""

    STAY = "stay"
    REFUSE = "refuse"


STAY = Still.STAY
REFUSE = Still.REFUSE


@dataclass(frozen=True, slots=True)
class Arrow(Generic[State]):
    """Where an event leads, and the name of the movement it posts (`ledger/movements.py`)."""

    to: State
    movement: str | None = None


@dataclass(frozen=True, slots=True)
class Step(Generic[State]):
    """What an event did: the state before and after, and the movement to post."""

    before: State
    after: State
    movement: str | None

    @property
    def moved(self) -> bool:
        return self.before != self.after or self.movement is not None


class Machine(Generic[State, Event]):
    """A named, total table of arrows.

    Args:
        name: for messages and drawings, e.g. "invoice".
        states, events: the two alphabets.
        table: for each state, for each event, an `Arrow`, `STAY` or `REFUSE`.

    Raises:
        LawBroken: when a pair is missing, at import, so that a hole never ships.
    """

    def __init__(
        self,
        name: str,
        states: type[State],
        events: type[Event],
        table: Mapping[State, Mapping[Event, Arrow[State] | Still]],
    ) -> None:
        missing = [f"{s}+{e}" for s in states for e in events if e not in table.get(s, {})]
        if missing:
            raise LawBroken(f"the {name} machine has no answer to {', '.join(missing)}")
        self.name = name
        self.states = states
        self.events = events
        self._table = table

    def step(self, state: State, event: Event) -> Step[State]:
        """What `event` does in `state`.

        Raises:
            IllegalTransition: when the table refuses it.
        """
        answer = self._table[state][event]
        if isinstance(answer, Arrow):
            return Step(state, answer.to, answer.movement)
        if answer is REFUSE:
            raise IllegalTransition(f"{self.name}: {event} is impossible in {state}")
        return Step(state, state, None)

    def allows(self, state: State, event: Event) -> bool:
        """Whether `event` may come in `state` (moving something or not)."""
        return self._table[state][event] is not REFUSE

    def arrows(self) -> Iterator[tuple[State, Event, Arrow[State]]]:
        """Every arrow of the table, in the order of the alphabets."""
        for state in self.states:
            for event in self.events:
                answer = self._table[state][event]
                if isinstance(answer, Arrow):
                    yield state, event, answer

    def draw(self) -> str:
        """The table as a Mermaid state diagram, with the movement in brackets."""
        lines = ["stateDiagram-v2"]
        for state, event, arrow in self.arrows():
            label = f"{event} [{arrow.movement}]" if arrow.movement else str(event)
            lines.append(f"    {_node(state)} --> {_node(arrow.to)}: {label}")
        return "\n".join(lines) + "\n"


def _node(state: StrEnum) -> str:
    return str(state).rpartition(":")[2]
