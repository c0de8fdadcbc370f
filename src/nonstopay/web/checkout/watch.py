"""News for open payment pages: one query for all of them, however many there are.

While anybody listens, one loop asks the database twice a second for the versions of the invoices that
are looked at, and wakes those whose version changed. While anybody waits for confirmations, it asks how
far the chains were read as well: each new block is news. No page asks by itself.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from nonstopay.business.deposits.watch import records as chains
from nonstopay.business.payments import records
from nonstopay.errors import NonstopayError
from nonstopay.store.db import Database

PAUSE_SECONDS = 0.5
REPEAT_SECONDS = 15.0
"""A phone that vanished is noticed only by writing to it; and proxies cut a silent stream."""
Pair = tuple[int, int]
Revision = tuple[int, ...]
_log = logging.getLogger(__name__)


class Watch:
    """Tells listeners when an invoice or the payment that counts for it changed."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._listeners: dict[Pair, set[_Listener]] = defaultdict(set)
        self._loop: asyncio.Task[None] | None = None
        self._closed = False

    async def changes(
        self, merchant_id: int, invoice_id: int, network: Callable[[], str | None] = lambda: None
    ) -> AsyncIterator[Revision]:
        """The invoice's revision now, again whenever it changes, and every 15 seconds; ends at `close`.

        Args:
            network: answers on which chain the page waits for confirmations just now, if it does.
        """
        listener = _Listener(network)
        pair = (merchant_id, invoice_id)
        self._listeners[pair].add(listener)
        if self._loop is None or self._loop.done():
            self._loop = asyncio.create_task(self._ask_while_anybody_listens())
        try:
            while not self._closed:
                with suppress(TimeoutError):
                    await asyncio.wait_for(listener.woken.wait(), REPEAT_SECONDS)
                listener.woken.clear()
                if listener.revision is not None and not self._closed:
                    yield listener.revision
        finally:
            self._listeners[pair].discard(listener)
            if not self._listeners[pair]:
                del self._listeners[pair]

    def close(self) -> None:
        """End every stream: the process stops, and the pages will find another."""
        self._closed = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.woken.set()

    async def _ask_while_anybody_listens(self) -> None:
        while self._listeners:
            try:
                await self._ask()
            except NonstopayError as error:
                _log.warning("no news for payment pages: %s", error.code)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self) -> None:
        waiting = any(each.network() for one in self._listeners.values() for each in one)
        async with self._db.reading() as conn:
            revisions = await records.states_of(conn, list(self._listeners))
            cursors = await chains.cursors(conn) if waiting else []
        blocks = {one.network: one.number for one in cursors}
        for pair, revision in revisions.items():
            for listener in self._listeners.get(pair, ()):
                network = listener.network()
                listener.hear((*revision, blocks.get(network, 0)) if network else revision)


class _Listener:
    """One open page: what it should know, and whether it has been told."""

    def __init__(self, network: Callable[[], str | None]) -> None:
        self.network = network
        self.revision: Revision | None = None
        self.woken = asyncio.Event()

    def hear(self, revision: Revision) -> None:
        if revision != self.revision:
            self.revision = revision
            self.woken.set()
