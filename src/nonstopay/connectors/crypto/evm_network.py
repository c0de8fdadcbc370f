"""All our nodes of one EVM network: one answers for the others, and two must agree on what counts.

Where being lied to would cost money, `agreed_block` asks several and takes no single word for it.
"""

from collections.abc import Mapping, Sequence

from nonstopay.connectors.crypto.evm_node import EvmNode, Tag
from nonstopay.connectors.crypto.evm_words import Block
from nonstopay.connectors.crypto.json_rpc import JsonRpc, NodeRefuses, NodeTrouble
from nonstopay.connectors.crypto.networks import Kind, Networks
from nonstopay.connectors.crypto.nodes import Nodes
from nonstopay.connectors.http import ProviderHttp
from nonstopay.errors import Misconfigured, ProviderUnavailable


class NodesDisagree(ProviderUnavailable):
    """Two nodes name different blocks: nothing is credited until they agree."""

    code = "nodes_disagree"


class EvmNetwork(Nodes[EvmNode]):
    """An EVM network, by its nodes."""

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
        for node in self.in_order():
            try:
                found = await node.block(first.number)
            except NodeTrouble as trouble:
                self.pass_over(node, trouble)
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
        urls = urls_of(section)
        if not all(url.startswith(("https://", "http://")) for url in urls):
            raise Misconfigured(f"chain.{name}: rpc holds URLs, https://…")
        if networks[name].kind is Kind.EVM:
            nodes = [EvmNode(JsonRpc(http, url, label)) for label, url in labelled(name, urls)]
            connected[name] = EvmNetwork(networks[name], nodes)
    return connected


def urls_of(section: Mapping[str, str]) -> list[str]:
    """The nodes' URLs in a section `[chain.NETWORK]`."""
    return section.get("rpc", "").replace(",", " ").split()


def labelled(name: str, urls: Sequence[str]) -> list[tuple[str, str]]:
    """What errors and logs call each node, and its URL, which they must not show."""
    return [(f"{name} #{number}", url) for number, url in enumerate(urls, start=1)]


async def _block(node: EvmNode, which: int | Tag) -> Block:
    found = await node.block(which)
    if found is None:
        raise NodeRefuses(node.name, 0, f"no block {which}")
    return found
