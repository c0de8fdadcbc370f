"""All our nodes of one EVM network: one answers for the others, and two must agree on what counts.

The first node that answers is used; a silent or lying one is passed over for a while. A node's own
refusal is passed on to the next one as well, since limits differ. Where being lied to would cost
money, `agreed_block` asks several and takes no single word for it.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from nonstopay import clock
from nonstopay.connectors.crypto.evm_node import EvmNode, Tag
from nonstopay.connectors.crypto.evm_words import Block
from nonstopay.connectors.crypto.json_rpc import JsonRpc, NodeLies, NodeRefuses, NodeTrouble
from nonstopay.connectors.crypto.networks import Kind, Network, Networks
from nonstopay.connectors.http import ProviderHttp
from nonstopay.errors import Misconfigured, ProviderUnavailable

PASSED_OVER = timedelta(seconds=30)
_log = logging.getLogger(__name__)
T = TypeVar("T")


class NodesDisagree(ProviderUnavailable):
    """Two nodes name different blocks: nothing is credited until they agree."""

    code = "nodes_disagree"


class EvmNetwork:
    """A network, by its nodes.

    Args:
        nodes: the preferred one first; at least one.
    """

    def __init__(self, network: Network, nodes: Sequence[EvmNode]) -> None:
        if not nodes:
            raise Misconfigured(f"{network.name} has no node")
        self.network = network
        self.nodes = tuple(nodes)
        self._passed_over_until: dict[str, datetime] = {}

    async def ask(self, question: Callable[[EvmNode], Awaitable[T]]) -> T:
        """The answer of the first node that gives one.

        Raises:
            NodeTrouble: none did; a refusal if there was one, else the last node's failure.
        """
        refusal: NodeRefuses | None = None
        failure: NodeTrouble | None = None
        for node in self._in_order():
            try:
                answer = await question(node)
            except NodeRefuses as trouble:
                refusal = refusal or trouble
            except NodeTrouble as trouble:
                failure = trouble
                self._pass_over(node, trouble)
            else:
                self._passed_over_until.pop(node.name, None)
                return answer
        raise refusal or failure or LookupError

    async def agreed_block(self, which: int | Tag, *, witnesses: int = 2) -> Block:
        """A block that so many nodes name by the same hash.

        A tag is asked of one node; the others are asked for the block of that number. A node that does
        not have it yet is no witness, one that has another block is a contradiction.

        Raises:
            NodesDisagree: two of them name different blocks.
            NodeTrouble: too few of them answered, or not one has the block.
        """
        first = await self.ask(lambda node: _block(node, which))
        seen: dict[str, str] = {}
        for node in self._in_order():
            try:
                found = await node.block(first.number)
            except NodeTrouble as trouble:
                self._pass_over(node, trouble)
                continue
            if found is not None:
                seen[node.name] = found.hash
        if len(set(seen.values()) | {first.hash}) > 1:
            raise NodesDisagree(
                f"{self.network.name}: block {first.number} is not the same at {', '.join(seen)}"
            )
        if len(seen) < witnesses:
            raise ProviderUnavailable(
                f"{self.network.name}: {len(seen)} of {witnesses} nodes vouch for block {first.number}"
            )
        return first

    def _in_order(self) -> list[EvmNode]:
        """The preferred ones first, those in disgrace last: better a bad node than none."""
        now = clock.now()

        def in_disgrace(node: EvmNode) -> bool:
            return self._passed_over_until.get(node.name, now) > now

        return sorted(self.nodes, key=in_disgrace)

    def _pass_over(self, node: EvmNode, trouble: NodeTrouble) -> None:
        self._passed_over_until[node.name] = clock.now() + PASSED_OVER
        level = logging.ERROR if isinstance(trouble, NodeLies) else logging.WARNING
        _log.log(level, "a node is passed over", extra={"node": node.name, "why": str(trouble)})


def connect(
    networks: Networks, chains: Mapping[str, Mapping[str, str]], http: ProviderHttp
) -> dict[str, EvmNetwork]:
    """The EVM networks that have nodes in the configuration, by name.

    Args:
        chains: the sections `[chain.NETWORK]`; `rpc` holds the nodes' URLs, the preferred one first,
            parted by spaces or commas.

    Raises:
        Misconfigured: an unknown network or key, a URL that is none.
    """
    connected = {}
    for name, section in chains.items():
        if name not in networks:
            raise Misconfigured(
                f"chain: there is no network {name}; there are {', '.join(networks)}"
            )
        if unknown := set(section) - {"rpc"}:
            raise Misconfigured(f"chain.{name}: {', '.join(sorted(unknown))} is not a setting")
        if networks[name].kind is Kind.EVM:
            connected[name] = EvmNetwork(networks[name], _nodes(name, urls_of(section), http))
    return connected


def urls_of(section: Mapping[str, str]) -> list[str]:
    """The nodes' URLs in a section `[chain.NETWORK]`."""
    return section.get("rpc", "").replace(",", " ").split()


def _nodes(name: str, urls: Sequence[str], http: ProviderHttp) -> list[EvmNode]:
    if not all(url.startswith(("https://", "http://")) for url in urls):
        raise Misconfigured(f"chain.{name}: rpc holds URLs, https://…")
    return [
        EvmNode(JsonRpc(http, url, f"{name} #{number}")) for number, url in enumerate(urls, start=1)
    ]


async def _block(node: EvmNode, which: int | Tag) -> Block:
    found = await node.block(which)
    if found is None:
        raise NodeRefuses(node.name, 0, f"no block {which}")
    return found
