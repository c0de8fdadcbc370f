"""Watching one network: look at its head, read what is new, write it, confirm what is deep enough.

Any number of workers may watch: one holds the lease, and of two who read the same blocks one writes. A node
that is silent, lags or lies costs time and nothing else: what is not known is not written.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from nonstopay import clock
from nonstopay.business.deposits.chains import Chains
from nonstopay.business.deposits.deposit import Deposit
from nonstopay.business.deposits.watch import records
from nonstopay.business.deposits.watch.begin import begin
from nonstopay.business.deposits.watch.confirm import confirm
from nonstopay.business.deposits.watch.cursor import Cursor
from nonstopay.business.deposits.watch.read import ChainReplaced, Found, read
from nonstopay.business.deposits.watch.write import write
from nonstopay.connectors.crypto.json_rpc import NodeTrouble
from nonstopay.connectors.crypto.reader import Head, Reader
from nonstopay.store.db import Database

SPAN_MAX = 32
"""Blocks of one turn; fewer while a node finds that too much."""
_LOOKS_PER_BLOCK = 3
_PAUSE_SECONDS = (0.25, 3.0)
_ASK_AGAIN_SECONDS = 2.0
"""When to ask again, at the same block, about deposits that could not be confirmed."""
_WARN_AGAIN_SECONDS = 60.0
_log = logging.getLogger(__name__)


class Watcher:
    """The watch of one network.

    Args:
        name: whose it is, unique among all processes.
    """

    def __init__(self, db: Database, chains: Chains, reader: Reader, name: str) -> None:
        self._db = db
        self._chains = chains
        self._reader = reader
        self._name = name
        self._span = SPAN_MAX
        self._confirmed_at = -_ASK_AGAIN_SECONDS
        self._warned_at = -_WARN_AGAIN_SECONDS
        self.network = reader.network.name

    @property
    def pause_seconds(self) -> clock.Seconds:
        """Between two looks: a part of the time between two blocks."""
        shortest, longest = _PAUSE_SECONDS
        block = self._reader.network.block_milliseconds / 1000
        return min(max(block / _LOOKS_PER_BLOCK, shortest), longest)

    async def leave(self) -> None:
        """Let somebody else watch at once."""
        async with self._db.reading() as conn:
            await records.leave(conn, self.network, self._name)

    async def turn(self) -> bool:
        """Read on, if it is ours to read; whether there is more at once.

        Raises:
            ProviderUnavailable: nodes are in trouble, or disagree. Nothing was written of what they
                said in this turn.
        """
        if not self._chains.may_read(self.network):
            return False
        async with self._db.reading() as conn:
            cursor = await records.cursor(conn, self.network)
        if cursor is not None and cursor.is_held_by_another(self._name, _machine_now()):
            return False
        head = await self._reader.head()
        if cursor is None:
            await begin(self._db, self._reader, head)
            return True
        held = await self._hold(cursor, head)
        if held is None:
            return False
        found = await self._read(held, head)
        if found is not None:
            await write(self._db, self._chains, self._reader, held, head, found)
        if found is not None or clock.stopwatch() - self._confirmed_at > _ASK_AGAIN_SECONDS:
            self._confirmed_at = clock.stopwatch()
            self._warn_of(await confirm(self._db, self._reader))
        return found is not None and found.last.number < head.number

    async def _hold(self, cursor: Cursor, head: Head) -> Cursor | None:
        """The cursor, leased for long enough; `None` if somebody else was faster."""
        now = _machine_now()
        if not cursor.must_be_renewed(self._name, now):
            return cursor
        async with self._db.reading() as conn:
            return await records.renew(conn, cursor, self._name, head.number, now)

    async def _read(self, cursor: Cursor, head: Head) -> Found | None:
        """What is new; in shorter pieces after trouble, in longer ones after success."""
        try:
            found = await read(self._db, self._reader, cursor, head, self._span)
        except NodeTrouble:
            self._span = max(1, self._span // 4)
            raise
        except ChainReplaced as error:
            _log.error("ALARM: %s", error)
            raise
        self._span = min(SPAN_MAX, self._span * 2)
        return found

    def _warn_of(self, doubtful: Sequence[Deposit]) -> None:
        if doubtful and clock.stopwatch() - self._warned_at > _WARN_AGAIN_SECONDS:
            self._warned_at = clock.stopwatch()
            facts = {"network": self.network, "transaction": doubtful[0].transaction}
            _log.warning("a deposit is deep enough, but too few nodes tell of it", extra=facts)


def _machine_now() -> datetime:
    return clock.now() - clock.offset()
