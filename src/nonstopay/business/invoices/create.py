"""Create invoices: the hot path, written in batches by group commit.

A row whose idempotency key is taken writes nothing and is answered with what the key was used for.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import msgspec

from nonstopay import clock
from nonstopay.business.invoices import records
from nonstopay.business.invoices.invoice import NewInvoice
from nonstopay.errors import InProgress, KeyReused
from nonstopay.store import idempotency
from nonstopay.store.db import Database, HeldConnections
from nonstopay.store.group_commit import BatchRefused, GroupCommit

ROUTE = "create-invoice"
WORTH_A_BATCH = 48
ANSWERED_WITHIN = timedelta(seconds=30)
"""A server-to-server call without an answer after this was cut off: its repeat finishes it."""


@dataclass(frozen=True, slots=True)
class Created:
    """The invoice's id. `replayed`: an earlier call with the same key made it; its stored answer."""

    id: int
    replayed: bool = False
    answer: str | None = None


class InvoiceCreator:
    """Creates invoices, many callers to a commit."""

    def __init__(self, db: Database, *, batch_max: int, waiting_max: int) -> None:
        self._db = db
        self._connections = HeldConnections(db, count=2)
        self._queue: GroupCommit[NewInvoice, Created | None] = GroupCommit(
            self._write,
            key=_key,
            batch_max=batch_max,
            waiting_max=waiting_max,
            worth_a_batch=WORTH_A_BATCH,
        )

    async def create(self, new: NewInvoice) -> Created:
        """Write the invoice durably, with its event.

        Raises:
            KeyReused: the idempotency key was used with other parameters; names them.
            InProgress: the first call with this key is still running.
            Overloaded, CommitUnknown, DatabaseUnavailable: try again, with the same key.
        """
        created = await self._queue.submit(new)
        return created if created is not None else await self._answer_of_key(new)

    async def close(self) -> None:
        """Let every taken row be answered, then give the connections back."""
        await self._queue.drain()
        await self._connections.close()

    async def _write(self, batch: Sequence[NewInvoice]) -> Sequence[Created | None]:
        async with self._connections.one() as conn:
            try:
                ids = await records.insert_new(conn, ROUTE, batch, clock.now())
            except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
                raise BatchRefused from error
        return [None if invoice_id is None else Created(invoice_id) for invoice_id in ids]

    async def _answer_of_key(self, new: NewInvoice) -> Created:
        assert new.idempotency_key is not None
        assert new.fields is not None
        async with self._db.reading() as conn:
            use = await idempotency.find(conn, new.merchant_id, ROUTE, new.idempotency_key)
        if use is None or use.object_id is None:
            raise InProgress("the first call with this Idempotency-Key is still running")
        if differing := idempotency.differing(use.fields, msgspec.json.decode(new.fields)):
            raise KeyReused(differing)
        if new.direct and use.answer is None and clock.now() - use.created_at < ANSWERED_WITHIN:
            raise InProgress("the first call with this Idempotency-Key is still running")
        return Created(use.object_id, replayed=True, answer=use.answer)


def _key(new: NewInvoice) -> Hashable | None:
    key = new.idempotency_key
    return None if key is None else (new.merchant_id, key)
