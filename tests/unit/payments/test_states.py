"""The payment's table: money is taken in once, is never lost, and the drawing is true."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from nonstopay.business.payments.draw import markdown
from nonstopay.business.payments.states import CHARGE, IN_DOUBT, OPEN, ORDER, Event, State
from nonstopay.state_machine import Machine

TAKEN_IN = {"capture", "capture_to_return"}
MONEY = {State.CAPTURED, State.RETURNING, State.RETURNED}
RESERVED = {State.AUTHORISED, State.VOIDING, State.VOIDED}
NO_ORDER = {
    Event.AUTHORISED,
    Event.LET_GO,
    Event.PART_CAPTURED,
    Event.VOIDED,
    Event.VOID_REFUSED,
}


def test_the_drawing_is_the_table() -> None:
    drawing = Path(__file__).parents[3] / "docs" / "states.md"

    assert drawing.read_text() == markdown(), "python -m nonstopay.business.payments.draw"


@given(st.sampled_from([ORDER, CHARGE]), st.lists(st.sampled_from(Event), max_size=30))
def test_whatever_is_heard_in_whatever_order_money_is_taken_in_at_most_once(
    machine: Machine[State, Event], events: list[Event]
) -> None:
    state, movements = State.STARTING, list[str]()
    for event in events:
        if event is Event.PART_CAPTURED or not machine.allows(state, event):
            continue
        step = machine.step(state, event)
        if step.movement:
            movements.append(step.movement)
        state = step.after

    assert len([one for one in movements if one in TAKEN_IN]) == (state in MONEY)
    assert movements.count("refund_to_payer") == (state is State.RETURNED)


def test_until_money_came_it_is_heard_whatever_was_said_before() -> None:
    for machine, states in (
        (ORDER, set(State) - MONEY - RESERVED),
        (CHARGE, set(State) - MONEY),
    ):
        for state in states:
            assert machine.step(state, Event.CREDIT).after is State.CAPTURED
            assert machine.step(state, Event.RETURN).after is State.RETURNING


def test_doubt_ends_by_the_providers_word_alone() -> None:
    assert IN_DOUBT < OPEN
    for state in IN_DOUBT - RESERVED:
        heard = {event for event in Event if ORDER.allows(state, event)}
        assert heard == set(Event) - NO_ORDER - {Event.REFUNDED, Event.REFUND_REFUSED}
    for state in IN_DOUBT:
        heard = {event for event in Event if CHARGE.allows(state, event)}
        assert heard >= {Event.CREDIT, Event.DECLINED, Event.EXPIRED, Event.UNKNOWN, Event.VOIDED}


def test_what_is_reserved_is_taken_or_let_go_and_nothing_else_becomes_of_it() -> None:
    for event in Event:
        if CHARGE.allows(State.AUTHORISED, event):
            after = CHARGE.step(State.AUTHORISED, event).after
            assert after in MONEY | RESERVED, event
    assert CHARGE.step(State.VOIDING, Event.VOIDED).after is State.VOIDED
    assert CHARGE.step(State.VOIDING, Event.VOID_REFUSED).after is State.VOIDING
