"""News for open payment pages: one query for all of them, however many there are.

While anybody listens, one loop asks the database twice a second for the versions of the invoices that
are looked at, and wakes those whose version changed. No page asks by itself.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress

from nonstopay.business.payments import records
from nonstopay.errors import DatabaseUnavailable
from nonstopay.store.db import Database

PAUSE_SECONDS = 0.5
Pair = tuple[int, int]
Revision = tuple[int, int, int]


class Watch:
    """Tells listeners when an invoice or its newest payment changed."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._listeners: dict[Pair, set[asyncio.Queue[Revision]]] = defaultdict(set)
        self._loop: asyncio.Task[None] | None = None

    async def changes(self, merchant_id: int, invoice_id: int) -> AsyncIterator[Revision]:
        """The invoice's revision now, and again whenever it changes."""
        queue: asyncio.Queue[Revision] = asyncio.Queue()
        pair = (merchant_id, invoice_id)
        self._listeners[pair].add(queue)
        if self._loop is None or self._loop.done():
            self._loop = asyncio.create_task(self._ask_while_anybody_listens())
        last: Revision | None = None
        try:
            while True:
                revision = await queue.get()
                if revision != last:
                    last = revision
                    yield revision
        finally:
            self._listeners[pair].discard(queue)
            if not self._listeners[pair]:
                del self._listeners[pair]

    async def _ask_while_anybody_listens(self) -> None:
        while self._listeners:
            with suppress(DatabaseUnavailable):
                await self._ask()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self) -> None:
        async with self._db.reading() as conn:
            revisions = await records.states_of(conn, list(self._listeners))
        for pair, revision in revisions.items():
            for queue in self._listeners.get(pair, ()):
                queue.put_nowait(revision)
