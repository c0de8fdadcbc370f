"""Several nodes of one network, asked as one: the first that answers stands in for the others.

A silent or lying node is passed over for a while. A node's own refusal is passed on to the next one as
well, since limits differ.
"""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from nonstopay import clock
from nonstopay.connectors.crypto.json_rpc import NodeLies, NodeRefuses, NodeTrouble
from nonstopay.connectors.crypto.networks import Network
from nonstopay.errors import Misconfigured

PASSED_OVER = timedelta(seconds=30)
TOLD_AT = 3
"""Failures in a row after which a silent node is told of, once: one that is just starting is no news."""
_log = logging.getLogger(__name__)


class Named(Protocol):
    """A node, whatever it speaks. `name`: how errors and logs call it; never its URL."""

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)
T = TypeVar("T")


class Nodes(Generic[N]):
    """The nodes of a network.

    Args:
        nodes: the preferred one first; at least one.
    """

    def __init__(self, network: Network, nodes: Sequence[N]) -> None:
        if not nodes:
            raise Misconfigured(f"{network.name} has no node")
        self.network = network
        self.nodes = tuple(nodes)
        self._passed_over_until: dict[str, datetime] = {}
        self._failures: Counter[str] = Counter()

    async def ask(self, question: Callable[[N], Awaitable[T]]) -> T:
        """The answer of the first node that gives one.

        Raises:
            NodeTrouble: none did; a refusal if there was one, else the last node's failure.
        """
        refusal: NodeRefuses | None = None
        failure: NodeTrouble | None = None
        for node in self.in_order():
            try:
                answer = await question(node)
            except NodeRefuses as trouble:
                refusal = refusal or trouble
            except NodeTrouble as trouble:
                failure = trouble
                self.pass_over(node, trouble)
            else:
                self._passed_over_until.pop(node.name, None)
                self._failures.pop(node.name, None)
                return answer
        raise refusal or failure or LookupError

    async def ask_each(self, question: Callable[[N], Awaitable[T]]) -> dict[str, T]:
        """What each node answers by itself, by its name; those that are in trouble are left out."""
        answers: dict[str, T] = {}
        for node in self.in_order():
            try:
                answers[node.name] = await question(node)
            except NodeTrouble as trouble:
                self.pass_over(node, trouble)
        return answers

    def in_order(self) -> list[N]:
        """The preferred ones first, those in disgrace last: better a bad node than none."""
        now = clock.now()

        def in_disgrace(node: N) -> bool:
            return self._passed_over_until.get(node.name, now) > now

        return sorted(self.nodes, key=in_disgrace)

    def pass_over(self, node: N, trouble: NodeTrouble) -> None:
        """Ask the others first for a while, and say so."""
        self._passed_over_until[node.name] = clock.now() + PASSED_OVER
        self._failures[node.name] += 1
        facts = {"node": node.name, "why": str(trouble)}
        if isinstance(trouble, NodeLies):
            _log.error("a node lies, and is passed over", extra=facts)
        elif self._failures[node.name] == TOLD_AT:
            _log.warning("a node is passed over until it answers", extra=facts)
