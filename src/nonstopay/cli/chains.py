"""The sandbox's chains beside the gateway: started with it, and nothing waits for them."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nonstopay.config import Settings
from nonstopay.errors import Misconfigured, NonstopayError
from nonstopay.sandbox.chain.contracts import prepare
from nonstopay.sandbox.chain.node import ChainNodes

_log = logging.getLogger(__name__)


@contextmanager
def sandbox_chains(settings: Settings) -> Iterator[Callable[[], None]]:
    """Run the chains, if these settings ask for some; gives what starts again those that died.

    Without a program to run them the gateway starts nevertheless, without the crypto rail.
    """
    if settings.live or not settings.sandbox_chain:
        yield lambda: None
        return
    try:
        nodes = ChainNodes(settings.data_path)
    except Misconfigured as error:
        _log.warning("no chains in this sandbox, so no crypto: %s", error)
        yield lambda: None
        return
    with nodes:
        threading.Thread(target=_prepare, args=(settings.data_path,), daemon=True).start()
        yield nodes.start


def _prepare(data: Path) -> None:
    """Put the coins on the chains, while the rest of the gateway starts."""
    try:
        asyncio.run(prepare(data))
    except NonstopayError as error:
        _log.error("the sandbox's chains have no coins yet: %s", error)
