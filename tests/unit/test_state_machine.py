"""A life cycle is a total table: no hole ships, nothing moves but by an arrow."""

from collections.abc import Mapping
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonstopay.errors import IllegalTransition, LawBroken
from nonstopay.state_machine import REFUSE, STAY, Arrow, Machine, Still


class Door(StrEnum):
    OPEN = "door:open"
    SHUT = "door:shut"
    LOCKED = "door:locked"


class Act(StrEnum):
    PUSH = "push"
    TURN_KEY = "turn_key"
    KNOCK = "knock"


Table = Mapping[Door, Mapping[Act, Arrow[Door] | Still]]

TABLE: Table = {
    Door.OPEN: {Act.PUSH: Arrow(Door.SHUT), Act.TURN_KEY: REFUSE, Act.KNOCK: STAY},
    Door.SHUT: {
        Act.PUSH: Arrow(Door.OPEN),
        Act.TURN_KEY: Arrow(Door.LOCKED, "take_deposit"),
        Act.KNOCK: Arrow(Door.SHUT, "pay_porter"),
    },
    Door.LOCKED: {Act.PUSH: REFUSE, Act.TURN_KEY: Arrow(Door.SHUT), Act.KNOCK: STAY},
}
DOOR = Machine("door", Door, Act, TABLE)


@pytest.mark.parametrize("state", Door)
@pytest.mark.parametrize("event", Act)
def test_a_hole_in_the_table_never_ships(state: Door, event: Act) -> None:
    holed = {
        s: {e: a for e, a in row.items() if (s, e) != (state, event)} for s, row in TABLE.items()
    }

    with pytest.raises(LawBroken, match=f"{state}\\+{event}"):
        Machine("door", Door, Act, holed)


def test_a_state_that_was_forgotten_is_told_with_every_event() -> None:
    without_locked: Table = {s: row for s, row in TABLE.items() if s is not Door.LOCKED}

    with pytest.raises(LawBroken) as refused:
        Machine("door", Door, Act, without_locked)

    assert refused.value.message.endswith(
        "door:locked+push, door:locked+turn_key, door:locked+knock"
    )


@pytest.mark.parametrize("state", Door)
@pytest.mark.parametrize("event", Act)
def test_every_pair_answers_as_the_table_says(state: Door, event: Act) -> None:
    answer = TABLE[state][event]

    if answer is REFUSE:
        assert not DOOR.allows(state, event)
        with pytest.raises(IllegalTransition, match=f"door: {event} is impossible in {state}"):
            DOOR.step(state, event)
        return
    step = DOOR.step(state, event)
    assert DOOR.allows(state, event)
    assert step.before == state
    assert (step.after, step.movement) == (
        (answer.to, answer.movement) if isinstance(answer, Arrow) else (state, None)
    )


def test_posting_a_movement_is_moving_even_where_the_state_stays() -> None:
    assert DOOR.step(Door.SHUT, Act.KNOCK).moved
    assert DOOR.step(Door.SHUT, Act.PUSH).moved
    assert not DOOR.step(Door.OPEN, Act.KNOCK).moved


@given(st.sampled_from(Door), st.lists(st.sampled_from(Act), max_size=30))
def test_a_walk_goes_along_arrows_only(state: Door, events: list[Act]) -> None:
    arrows = {(start, event): arrow.to for start, event, arrow in DOOR.arrows()}

    for event in events:
        if not DOOR.allows(state, event):
            continue
        step = DOOR.step(state, event)
        assert step.after == arrows.get((state, event), state)
        state = step.after


def test_the_drawing_shows_every_arrow_once_and_its_movement() -> None:
    assert DOOR.draw() == (
        "stateDiagram-v2\n"
        "    open --> shut: push\n"
        "    shut --> open: push\n"
        "    shut --> locked: turn_key [take_deposit]\n"
        "    shut --> shut: knock [pay_porter]\n"
        "    locked --> shut: turn_key\n"
    )
