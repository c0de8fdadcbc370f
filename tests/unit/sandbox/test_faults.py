"""Faults: one at a time for each part, for as long as was said."""

from datetime import timedelta

import pytest

from nonstopay import clock
from nonstopay.errors import InvalidInput
from nonstopay.sandbox import faults
from nonstopay.sandbox.faults import Mode, Target
from nonstopay.store.db import Database


async def test_a_fault_lasts_as_long_as_was_said(database: Database) -> None:
    await faults.begin(database, "card", "timeout", 30)
    during = await faults.current(database, Target.CARD)
    clock.move_to_offset(timedelta(seconds=31))

    assert during is Mode.TIMEOUT
    assert await faults.current(database, Target.CARD) is Mode.NONE


async def test_parts_are_unwell_each_for_itself(database: Database) -> None:
    await faults.begin(database, "payout", "error_500", 30)
    await faults.begin(database, "chain", "lost_answer", 30)

    found = [await faults.current(database, target) for target in Target]

    assert found == [Mode.NONE, Mode.NONE, Mode.ERROR_500, Mode.LOST_ANSWER]


async def test_a_new_fault_replaces_the_old_and_none_ends_it(database: Database) -> None:
    await faults.begin(database, "upi", "timeout", 30)
    await faults.begin(database, "upi", "double_answer", 30)
    replaced = await faults.current(database, Target.UPI)
    await faults.begin(database, "upi", "none", 30)

    assert replaced is Mode.DOUBLE_ANSWER
    assert await faults.current(database, Target.UPI) is Mode.NONE


@pytest.mark.parametrize(
    ("target", "mode", "seconds", "parameter"),
    [
        ("bank", "timeout", 30, "target"),
        ("upi", "fire", 30, "mode"),
        ("upi", "timeout", 0, "seconds"),
        ("upi", "timeout", 86_401, "seconds"),
    ],
)
async def test_what_cannot_be_asked_for_is_named(
    database: Database, target: str, mode: str, seconds: int, parameter: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await faults.begin(database, target, mode, seconds)

    assert refused.value.parameter == parameter
