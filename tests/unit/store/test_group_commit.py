"""Group commit under fire: whatever fails, every caller gets his own answer, once.

The rules one by one are in `test_group_commit_rules.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonstopay.errors import CommitUnknown, Overloaded
from nonstopay.store.group_commit import BatchRefused, GroupCommit


class Gate:
    """A writer that waits to be let through; it refuses what is bad and loses what is lost."""

    def __init__(self, *, closed: bool = False) -> None:
        self.batches: list[list[str]] = []
        self.in_flight: list[list[str]] = []
        self.opened = asyncio.Event()
        if not closed:
            self.opened.set()

    async def write(self, rows: Sequence[str]) -> Sequence[str]:
        batch = list(rows)
        self.batches.append(batch)
        self.in_flight.append(batch)
        try:
            await self.opened.wait()
            await asyncio.sleep(0)
        finally:
            self.in_flight.remove(batch)
        if any("lost" in row for row in batch):
            raise CommitUnknown("the answer was lost")
        if bad := [row for row in batch if "bad" in row]:
            raise BatchRefused from ValueError(bad[0])
        return [row.upper() for row in batch]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def answers(tasks: Sequence["asyncio.Task[str]"]) -> list[str]:
    """What each caller heard, errors as `Name: words`."""
    heard = await asyncio.gather(*tasks, return_exceptions=True)
    return [
        f"{type(one).__name__}: {one}" if isinstance(one, BaseException) else one for one in heard
    ]


def submit(queue: GroupCommit[str, str], *rows: str) -> list["asyncio.Task[str]"]:
    return [asyncio.create_task(queue.submit(row)) for row in rows]


async def test_a_lone_caller_waits_for_nobody_even_where_company_is_wanted() -> None:
    gate = Gate()
    queue = GroupCommit(gate.write, worth_a_batch=100)

    async with asyncio.timeout(1):
        assert [await queue.submit(row) for row in "abc"] == list("ABC")
    assert gate.batches == [["a"], ["b"], ["c"]]


async def test_a_second_batch_leaves_when_it_is_worth_it() -> None:
    gate = Gate(closed=True)
    queue = GroupCommit(gate.write, worth_a_batch=3)
    callers = submit(queue, *"abc")
    await settle()
    assert gate.batches == [["a"]]

    callers += submit(queue, "d")
    await settle()
    assert gate.batches == [["a"], ["b", "c", "d"]]
    gate.opened.set()
    assert await answers(callers) == list("ABCD")


async def test_several_bad_rows_fail_each_for_itself() -> None:
    gate = Gate(closed=True)
    queue = GroupCommit(gate.write, in_flight_max=1)
    callers = submit(queue, "first", "bad-1", "good", "bad-2")
    await settle()
    gate.opened.set()

    assert await answers(callers) == ["FIRST", "ValueError: bad-1", "GOOD", "ValueError: bad-2"]


async def test_a_lost_answer_is_nobody_elses() -> None:
    gate = Gate(closed=True)
    queue = GroupCommit(gate.write, in_flight_max=1, batch_max=2)
    callers = submit(queue, "first", "lost", "beside", "next")
    await settle()
    gate.opened.set()

    unknown = "CommitUnknown: the answer was lost"
    assert await answers(callers) == ["FIRST", unknown, unknown, "NEXT"]


async def test_a_lost_answer_is_not_tried_again() -> None:
    gate = Gate()
    queue = GroupCommit(gate.write)

    assert await answers(submit(queue, "lost")) == ["CommitUnknown: the answer was lost"]
    assert gate.batches == [["lost"]]


async def test_a_cancelled_callers_row_is_written_while_its_bad_neighbour_is_sorted_out() -> None:
    gate = Gate(closed=True)
    queue = GroupCommit(gate.write, in_flight_max=1)
    callers = submit(queue, "first", "gone", "bad", "good")
    await settle()
    callers[1].cancel()
    gate.opened.set()
    await queue.drain()

    assert ["gone"] in gate.batches
    assert await answers(callers) == ["FIRST", "CancelledError: ", "ValueError: bad", "GOOD"]


async def test_a_key_is_free_again_after_a_failure() -> None:
    gate = Gate()
    queue = GroupCommit(gate.write, key=lambda row: row[0])

    assert (await answers(submit(queue, "x-lost")))[0].startswith("CommitUnknown")
    assert (await answers(submit(queue, "x-bad")))[0].startswith("ValueError")
    async with asyncio.timeout(1):
        assert await queue.submit("x") == "X"


async def test_rows_without_a_key_do_not_wait_for_each_other() -> None:
    gate = Gate(closed=True)
    queue = GroupCommit(gate.write, key=lambda row: None)
    callers = submit(queue, *"ab")
    await settle()

    assert gate.batches == [["a"], ["b"]]
    gate.opened.set()
    await answers(callers)


async def test_a_row_that_waits_for_its_twin_lets_others_pass() -> None:
    gate = Gate(closed=True)
    queue = GroupCommit(gate.write, key=lambda row: row[0], in_flight_max=3)
    callers = submit(queue, "x1", "x2", "x3", "y1", "z1")
    await settle()

    assert gate.batches == [["x1"], ["y1"], ["z1"]]
    gate.opened.set()
    assert await answers(callers) == ["X1", "X2", "X3", "Y1", "Z1"]


async def test_who_is_refused_wrote_nothing_and_may_come_again() -> None:
    gate = Gate(closed=True)
    queue = GroupCommit(gate.write, in_flight_max=1, waiting_max=1)
    callers = submit(queue, "a", "b")
    await settle()
    with pytest.raises(Overloaded):
        await queue.submit("c")
    gate.opened.set()
    assert await answers(callers) == ["A", "B"]

    assert await queue.submit("c") == "C"
    assert gate.batches == [["a"], ["b"], ["c"]]


async def test_draining_waits_for_what_is_on_its_way_and_for_what_waits() -> None:
    gate = Gate(closed=True)
    queue = GroupCommit(gate.write, in_flight_max=1, batch_max=1)
    callers = submit(queue, "a", "lost", "bad", "d")
    draining = asyncio.create_task(queue.drain())
    await settle()
    assert not draining.done()

    gate.opened.set()
    await draining
    assert gate.batches == [["a"], ["lost"], ["bad"], ["d"]]
    assert all(caller.done() for caller in callers)
    await answers(callers)
    await queue.drain()


ROWS = st.lists(
    st.builds(
        lambda key, fate, n: f"{key}{fate}{n}",
        st.sampled_from("xyz-"),
        st.sampled_from(["", "", "", "bad"]),
        st.integers(0, 99),
    ),
    max_size=40,
)


@given(
    rows=ROWS, batch_max=st.integers(1, 5), in_flight_max=st.integers(1, 3), worth=st.integers(1, 9)
)
def test_whoever_comes_together_everyone_is_answered_as_if_alone(
    rows: list[str], batch_max: int, in_flight_max: int, worth: int
) -> None:
    async def story() -> None:
        gate = Gate()
        queue = GroupCommit(
            _watched(gate),
            key=lambda row: None if row[0] == "-" else row[0],
            batch_max=batch_max,
            in_flight_max=in_flight_max,
            worth_a_batch=worth,
        )
        async with asyncio.timeout(5):
            heard = await answers(submit(queue, *rows))
        assert heard == [f"ValueError: {row}" if "bad" in row else row.upper() for row in rows]
        assert all(len(batch) <= batch_max for batch in gate.batches)

    asyncio.run(story())


def _watched(gate: Gate) -> Callable[[Sequence[str]], Awaitable[Sequence[str]]]:
    """The gate's writer, which checks that no key is on its way twice."""

    async def write(rows: Sequence[str]) -> Sequence[str]:
        flying = [row[0] for batch in [*gate.in_flight, rows] for row in batch if row[0] != "-"]
        assert len(flying) == len(set(flying)), flying
        return await gate.write(rows)

    return write
