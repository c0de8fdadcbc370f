"""The health of a way to pay: at one provider, and as a whole."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nonstopay.business.payments.health.states import BEST_FIRST, State

METHOD = "method"
"""The object of events about a way to pay."""
DEGRADED = "method:degraded"
DOWN = "method:down"
RECOVERED = "method:recovered"
KIND = {State.HEALTHY: RECOVERED, State.DEGRADED: DEGRADED, State.DOWN: DOWN}
WHOLE = ""
"""In place of a connector: the method, whoever serves it. Of this merchants hear."""
PROBE_EVERY = 4
"""While a provider is tried again, it gets one payment in so many; all, if it is the only one."""
_EVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How `method` works at `connector`.

    Attributes:
        id: the object of events, 0 as long as nothing ever was wrong.
        opening: it was the orders that could not be opened; else they opened, and the tries failed.
        state_at: since when it is so.
        counted_from: what happened before this counts no more: it was down then.
    """

    method: str
    connector: str
    id: int = 0
    version: int = 0
    state: State = State.HEALTHY
    opening: bool = False
    state_at: datetime = _EVER
    counted_from: datetime = _EVER


@dataclass(frozen=True, slots=True)
class Standing:
    """How every way to pay works; those that nothing is known of work."""

    states: Mapping[tuple[str, str], State] = field(default_factory=dict)

    def of(self, method: str, connectors: Iterable[str]) -> State:
        """The state of a method: that of its best provider."""
        return best(self._state(method, connector) for connector in connectors)

    def choose(self, method: str, connectors: Sequence[str], number: int) -> str:
        """The provider for a new payment: the first of those that work best.

        Args:
            connectors: in the order of preference; at least one.
            number: the invoice's. One in four goes to a provider that is tried again, even if
                another is healthy.
        """
        states = {one: self._state(method, one) for one in connectors}
        if number % PROBE_EVERY == 0 and State.PROBING in states.values():
            return next(one for one in connectors if states[one] is State.PROBING)
        return min(connectors, key=lambda one: BEST_FIRST.index(states[one]))

    def _state(self, method: str, connector: str) -> State:
        return self.states.get((method, connector), State.HEALTHY)


def best(states: Iterable[State]) -> State:
    """The best of some states; healthy if there are none."""
    return min(states, key=BEST_FIRST.index, default=State.HEALTHY)
