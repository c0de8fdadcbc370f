"""Adaptive group commit: many callers' rows, one transaction, each answered after that commit.

A durable commit costs about the same for one row as for a hundred. So rows are written in batches,
without a timer: while nothing is on its way, a row leaves at once (a lone caller waits for nobody);
else it gathers with its neighbours until a batch comes home, or until there are enough of them to be
worth a second one beside it. Under load the batches grow by themselves, and the database sees tens of
transactions where it would have seen thousands.

What a caller may rely on:
  * he is answered after his row is durable, never before;
  * a bad row fails alone: when a batch is refused for its data, its rows are tried one by one;
  * going away loses nothing: the row of a cancelled caller is written all the same;
  * when the answer to COMMIT is lost he hears `CommitUnknown`, and his idempotency key resolves it;
  * the waiting list is bounded: beyond it he hears `Overloaded` at once;
  * two rows with the same key are never in one batch nor in flight together, so the second one finds
    the first one's outcome in the database.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from nonstopay.errors import Overloaded

Row = TypeVar("Row")
Answer = TypeVar("Answer")
Waiting = tuple[Row, asyncio.Future[Answer]]


class BatchRefused(Exception):
    """Raised by a writer when the database refused the batch for what is in it: nothing was written.

    `__cause__` is the database's error. With a batch of one it becomes that caller's answer.
    """


class GroupCommit(Generic[Row, Answer]):
    """Gathers rows and writes them with `write`, at most `batch_max` a batch.

    Args:
        write: one transaction for the whole batch; answers in the order of the rows. Raises
            `BatchRefused` when a row is bad; any other error is every caller's of the batch.
        key: what two rows must not share within a batch or in flight; `None` means nothing.
        batch_max: rows in one transaction.
        waiting_max: rows that may wait for a batch before callers are refused.
        in_flight_max: batches on their way at the same time.
        worth_a_batch: rows that must wait before a batch leaves beside another; small ones cost more
            in statements than they save in waiting.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Row]], Awaitable[Sequence[Answer]]],
        *,
        key: Callable[[Row], Hashable | None] = lambda row: None,
        batch_max: int = 192,
        waiting_max: int = 4096,
        in_flight_max: int = 2,
        worth_a_batch: int = 1,
    ) -> None:
        self._write = write
        self._key = key
        self._batch_max = batch_max
        self._waiting_max = waiting_max
        self._in_flight_max = in_flight_max
        self._worth_a_batch = worth_a_batch
        self._waiting: deque[Waiting[Row, Answer]] = deque()
        self._keys_in_flight: set[Hashable] = set()
        self._batches: set[asyncio.Task[None]] = set()

    async def submit(self, row: Row) -> Answer:
        """Write `row` with its neighbours and return its answer once it is durable.

        Raises:
            Overloaded: too many rows wait already; nothing was written.
            CommitUnknown: the database's answer was lost (from the writer).
        """
        if len(self._waiting) >= self._waiting_max:
            raise Overloaded("too many requests are waiting; try again in a moment")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, answer))
        self._send()
        return await answer

    async def drain(self) -> None:
        """Wait until every row that was taken is answered, before a clean stop."""
        while self._batches or self._waiting:
            await asyncio.gather(*self._batches)

    def _send(self) -> None:
        while self._is_time():
            batch = self._cut()
            if not batch:
                return
            task = asyncio.create_task(self._carry(batch))
            self._batches.add(task)
            task.add_done_callback(self._home)

    def _is_time(self) -> bool:
        needed = self._worth_a_batch if self._batches else 1
        return len(self._waiting) >= needed and len(self._batches) < self._in_flight_max

    def _home(self, task: "asyncio.Task[None]") -> None:
        self._batches.discard(task)
        self._send()

    def _cut(self) -> list[Waiting[Row, Answer]]:
        """The next batch, leaving behind rows whose key is already on its way."""
        batch: list[Waiting[Row, Answer]] = []
        left: list[Waiting[Row, Answer]] = []
        while self._waiting and len(batch) < self._batch_max:
            waiting = self._waiting.popleft()
            key = self._key(waiting[0])
            if key is None:
                batch.append(waiting)
            elif key in self._keys_in_flight:
                left.append(waiting)
            else:
                self._keys_in_flight.add(key)
                batch.append(waiting)
        self._waiting.extendleft(reversed(left))
        return batch

    async def _carry(self, batch: list[Waiting[Row, Answer]]) -> None:
        try:
            await self._write_and_answer(batch)
        finally:
            self._keys_in_flight.difference_update(self._key(row) for row, _ in batch)

    async def _write_and_answer(self, batch: list[Waiting[Row, Answer]]) -> None:
        try:
            answers = await self._write([row for row, _ in batch])
        except BatchRefused as refusal:
            if len(batch) == 1:
                _refuse(batch, refusal.__cause__ or refusal)
                return
            for waiting in batch:
                await self._write_and_answer([waiting])
        except Exception as error:
            _refuse(batch, error)
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)


def _refuse(batch: "list[Waiting[Row, Answer]]", error: BaseException) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
