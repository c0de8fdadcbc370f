"""The payment's table: money is taken in once, is never lost, and the drawing is true."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from nonstopay.business.payments.draw import markdown
from nonstopay.business.payments.states import IN_DOUBT, MACHINE, OPEN, Event, State

TAKEN_IN = {"capture", "capture_to_return"}
MONEY = {State.CAPTURED, State.RETURNING, State.RETURNED}


def test_the_drawing_is_the_table() -> None:
    drawing = Path(__file__).parents[3] / "docs" / "states.md"

    assert drawing.read_text() == markdown(), "python -m nonstopay.business.payments.draw"


@given(st.lists(st.sampled_from(Event), max_size=30))
def test_whatever_is_heard_in_whatever_order_money_is_taken_in_at_most_once(
    events: list[Event],
) -> None:
    state, movements = State.STARTING, list[str]()
    for event in events:
        if not MACHINE.allows(state, event):
            continue
        step = MACHINE.step(state, event)
        if step.movement:
            movements.append(step.movement)
        state = step.after

    assert len([one for one in movements if one in TAKEN_IN]) == (state in MONEY)
    assert movements.count("refund_to_payer") == (state is State.RETURNED)


def test_until_money_came_it_is_heard_whatever_was_said_before() -> None:
    for state in set(State) - MONEY:
        assert MACHINE.step(state, Event.CREDIT).after is State.CAPTURED
        assert MACHINE.step(state, Event.RETURN).after is State.RETURNING


def test_doubt_ends_by_the_providers_word_alone() -> None:
    assert IN_DOUBT < OPEN
    for state in IN_DOUBT:
        assert {event for event in Event if MACHINE.allows(state, event)} == set(Event) - {
            Event.REFUNDED,
            Event.REFUND_REFUSED,
        }
