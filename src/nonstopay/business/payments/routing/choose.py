"""Choose the way of a card payment: by the rules, then by how well its connectors work just now."""

from collections.abc import Sequence

from nonstopay.business.invoices.invoice import CARD
from nonstopay.business.payments.health.health import Standing
from nonstopay.business.payments.health.states import BEST_FIRST, State
from nonstopay.business.payments.routing.rule import NAMED, Facts, Route, Rule, route


def choose(
    rules: Sequence[Rule],
    facts: Facts,
    connectors: Sequence[str],
    standing: Standing,
    number: int,
    named: str | None = None,
) -> Route:
    """The connectors to ask, in their order; none only if there is none.

    Args:
        connectors: as configured.
        number: the invoice's, by which one payment in some probes a connector that was down.
        named: the connector that the merchant named for the invoice. One that is not there any more, or
            serves another method, is nobody's wish.
    """
    if named is not None and named in connectors:
        return Route(NAMED, (named,))
    chosen = route(rules, facts, connectors)
    return Route(chosen.rule, by_health(chosen.connectors, standing, number))


def by_health(connectors: Sequence[str], standing: Standing, number: int) -> tuple[str, ...]:
    """Those that work best first, the others in their order; who is down is asked only if all are."""
    if not connectors:
        return ()
    states = {one: standing.of(CARD.name, [one]) for one in connectors}
    first = standing.choose(CARD.name, connectors, number)
    others = sorted(
        (one for one in connectors if one != first),
        key=lambda one: BEST_FIRST.index(states[one]),
    )
    works = any(state is not State.DOWN for state in states.values())
    return (first, *(one for one in others if not (works and states[one] is State.DOWN)))
