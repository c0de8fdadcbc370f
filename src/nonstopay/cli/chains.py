"""The sandbox's chains beside the gateway: started with it, and nothing waits for them."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from nonstopay import clock
from nonstopay.business.deposits.connect import has_own_chains
from nonstopay.business.transactions.wiring import socket_of
from nonstopay.config import Settings
from nonstopay.errors import Misconfigured, NonstopayError, Unavailable
from nonstopay.sandbox.chain import contracts, litecoin
from nonstopay.sandbox.chain.fund import fund
from nonstopay.sandbox.chain.litecoin_node import LitecoinNode
from nonstopay.sandbox.chain.network import forget_urls
from nonstopay.sandbox.chain.node import ChainNodes
from nonstopay.signer.client import SignerClient

READY_SECONDS = 20.0
_LOOK_SECONDS = 0.1
_log = logging.getLogger(__name__)
_Node = tuple[ChainNodes | LitecoinNode, Callable[[Path], Coroutine[Any, Any, None]]]


@contextmanager
def sandbox_chains(settings: Settings) -> Iterator[Callable[[], None]]:
    """Run the chains, if these settings ask for some; gives what starts again those that died.

    Without a program to run one the gateway starts nevertheless, without that chain.
    """
    if settings.live or not settings.sandbox_chain:
        yield lambda: None
        return
    nodes = _nodes(settings.data_path, with_litecoin=settings.sandbox_litecoin)
    with ExitStack() as stack:
        for node, _ in nodes:
            stack.enter_context(node)
        prepared = threading.Thread(target=_prepare, args=(settings, nodes), daemon=True)
        prepared.start()

        def revive() -> None:
            for node, _ in nodes:
                node.start()

        yield revive


def _nodes(data: Path, *, with_litecoin: bool) -> list[_Node]:
    """The nodes that there are programs for, and what makes each chain ready."""
    forget_urls(data)
    found: list[_Node] = []
    try:
        found.append((ChainNodes(data), contracts.prepare))
    except Misconfigured as error:
        _log.warning("no EVM chains in this sandbox, so no crypto on them: %s", error)
    if not with_litecoin:
        return found
    try:
        found.append((LitecoinNode(data), litecoin.prepare))
    except Misconfigured as error:
        _log.info("no Litecoin in this sandbox: %s", error)
    return found


def _prepare(settings: Settings, nodes: Sequence[_Node]) -> None:
    """Put the coins on the chains and into our hot wallet, while the rest of the gateway starts."""
    for _, prepare in nodes:
        try:
            asyncio.run(prepare(settings.data_path))
        except NonstopayError as error:
            _log.error("the sandbox's chains have no coins yet: %s", error)
    if has_own_chains(settings):
        try:
            asyncio.run(_fill_hot_wallet(settings))
        except NonstopayError as error:
            _log.error("the hot wallet has no coins yet: %s", error)


async def _fill_hot_wallet(settings: Settings) -> None:
    signer = SignerClient(socket_of(settings))
    deadline = clock.stopwatch() + READY_SECONDS
    while True:
        try:
            address = await signer.address()
        except Unavailable:
            if clock.stopwatch() > deadline:
                raise
            await asyncio.sleep(_LOOK_SECONDS)
        else:
            break
    await fund(settings.data_path, address)
