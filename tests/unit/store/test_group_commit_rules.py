"""Group commit: what a caller may rely on, whoever his neighbours are."""

import asyncio
from collections.abc import Sequence

import pytest

from nonstopay.errors import CommitUnknown, Overloaded
from nonstopay.store.group_commit import BatchRefused, GroupCommit


class Writer:
    """A database that writes when it is let, and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.lost = False

    async def write(self, rows: Sequence[str]) -> Sequence[str]:
        self.batches.append(list(rows))
        await self.gate.wait()
        if self.lost:
            raise CommitUnknown("lost")
        if "bad" in rows:
            raise BatchRefused from ValueError("bad row")
        return [row.upper() for row in rows]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_lone_caller_waits_for_nobody() -> None:
    writer = Writer()
    queue = GroupCommit(writer.write)

    assert await queue.submit("a") == "A"
    assert writer.batches == [["a"]]


async def test_rows_gather_only_while_two_batches_are_on_their_way() -> None:
    writer = Writer()
    writer.gate.clear()
    queue = GroupCommit(writer.write, batch_max=3)
    callers = [asyncio.create_task(queue.submit(row)) for row in "abcdef"]
    await settle()
    assert writer.batches == [["a"], ["b"]]

    writer.gate.set()
    assert await asyncio.gather(*callers) == list("ABCDEF")
    assert writer.batches == [["a"], ["b"], ["c", "d", "e"], ["f"]]


async def test_a_bad_row_fails_alone() -> None:
    writer = Writer()
    writer.gate.clear()
    queue = GroupCommit(writer.write, in_flight_max=1)
    callers = [asyncio.create_task(queue.submit(row)) for row in ("a", "b", "bad", "c")]
    await settle()
    writer.gate.set()
    answers = await asyncio.gather(*callers, return_exceptions=True)

    assert [str(answer) for answer in answers] == ["A", "B", "bad row", "C"]
    assert isinstance(answers[2], ValueError)


async def test_going_away_loses_nothing() -> None:
    writer = Writer()
    writer.gate.clear()
    queue = GroupCommit(writer.write, in_flight_max=1)
    callers = [asyncio.create_task(queue.submit(row)) for row in "abc"]
    await settle()
    callers[1].cancel()
    writer.gate.set()
    await queue.drain()

    assert writer.batches == [["a"], ["b", "c"]]
    assert await callers[2] == "C"


async def test_an_unknown_commit_is_told_to_all_of_its_batch() -> None:
    writer = Writer()
    writer.lost = True
    queue = GroupCommit(writer.write)

    with pytest.raises(CommitUnknown):
        await queue.submit("a")


async def test_beyond_the_bound_nobody_waits() -> None:
    writer = Writer()
    writer.gate.clear()
    queue = GroupCommit(writer.write, in_flight_max=1, waiting_max=2)
    callers = [asyncio.create_task(queue.submit(row)) for row in "abc"]
    await settle()

    with pytest.raises(Overloaded):
        await queue.submit("d")
    writer.gate.set()
    assert await asyncio.gather(*callers) == ["A", "B", "C"]


async def test_rows_with_one_key_are_never_together() -> None:
    writer = Writer()
    writer.gate.clear()
    queue = GroupCommit(writer.write, key=lambda row: row[0], in_flight_max=2)
    callers = [asyncio.create_task(queue.submit(row)) for row in ("x1", "x2", "y1", "x3")]
    await settle()
    assert writer.batches == [["x1"], ["y1"]]

    writer.gate.set()
    assert await asyncio.gather(*callers) == ["X1", "X2", "Y1", "X3"]
    assert writer.batches[2:] == [["x2"], ["x3"]]
