"""Other rules on past payments: what moves, what is predicted, and when nothing is."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonstopay.business.payments.routing.past import ENOUGH, Attempt, Segment, Tally, rate_of
from nonstopay.business.payments.routing.replay import replay
from nonstopay.business.payments.routing.rule import Facts, Rule
from nonstopay.business.payments.states import State
from nonstopay.card_number import Brand
from nonstopay.connectors.outcome import Reason
from nonstopay.money import Money, fiat

HERE = ("adyen", "stripe")
RANDS_TO_STRIPE = (Rule(name="rands", to=("stripe",), currencies=frozenset({"ZAR"})),)


def attempt(connector: str, state: State = State.CAPTURED, **more: object) -> Attempt:
    told: dict[str, object] = {"currency": "ZAR", "first": True, "reason": None, "minor": 1000}
    told |= more
    return Attempt(
        facts=Facts(
            merchant_id=3,
            amount=Money(told["minor"], fiat(told["currency"])),  # type: ignore[arg-type]
            country="ZA",
            brand=Brand.VISA,
        ),
        connector=connector,
        first=told["first"],  # type: ignore[arg-type]
        state=state,
        reason=told["reason"],  # type: ignore[arg-type]
    )


def refused(connector: str, reason: Reason = Reason.DECLINED_BY_BANK, **more: object) -> Attempt:
    return attempt(connector, State.DECLINED, reason=reason, **more)


def test_what_moves_is_counted_and_its_approval_predicted_from_the_other_ones_rate() -> None:
    past = [
        *[attempt("adyen")] * 30,
        *[refused("adyen")] * 30,
        *[attempt("stripe", first=False)] * 36,
        *[refused("stripe", first=False)] * 4,
        attempt("adyen", currency="USD"),
    ]

    moved, untouched = replay(RANDS_TO_STRIPE, HERE, past)

    assert moved.segment == Segment("visa", "ZA", "ZAR")
    assert (moved.payments, moved.moved) == (60, 60)
    assert moved.moved_volume == Money(60_000, fiat("ZAR"))
    assert (moved.before, moved.after) == ({"adyen": 60}, {"stripe": 60})
    assert moved.was is not None
    assert moved.would_be is not None
    assert (moved.was.rate, moved.would_be.rate) == (Decimal("0.5"), Decimal("0.9"))
    assert moved.would_be.low > moved.was.high, "so many attempts tell the two apart"
    assert (untouched.moved, untouched.would_be) == (0, None)


def test_of_few_attempts_nothing_is_concluded() -> None:
    past = [*[attempt("adyen")] * ENOUGH, *[attempt("stripe", first=False)] * (ENOUGH - 1)]

    [forecast] = replay(RANDS_TO_STRIPE, HERE, past)

    assert forecast.was is not None
    assert forecast.would_be is None
    assert forecast.seen["stripe"] == Tally(ENOUGH - 1, ENOUGH - 1)


@pytest.mark.parametrize(
    ("past", "approved"),
    [
        (attempt("adyen", State.VOIDED), True),
        (attempt("adyen", State.RETURNED), True),
        (refused("adyen"), False),
        (refused("adyen", Reason.TECHNICAL), False),
        (refused("adyen", Reason.CANCELLED_BY_PAYER), None),
        (attempt("adyen", State.EXPIRED), None),
        (attempt("adyen", State.UNKNOWN), None),
        (attempt("adyen", State.WAITING), None),
    ],
)
def test_a_payer_who_left_says_nothing_of_the_bank(past: Attempt, approved: bool | None) -> None:
    assert past.approved is approved


attempts = st.lists(
    st.builds(
        attempt,
        st.sampled_from(HERE),
        st.sampled_from([State.CAPTURED, State.EXPIRED]),
        currency=st.sampled_from(["ZAR", "EUR"]),
        first=st.booleans(),
        minor=st.integers(1, 10**9),
    ),
    max_size=60,
)


@given(attempts)
def test_no_payment_is_lost_and_none_is_invented(past: list[Attempt]) -> None:
    found = replay(RANDS_TO_STRIPE, HERE, past)

    first = [one for one in past if one.first]
    assert sum(one.payments for one in found) == len(first)
    assert sum(one.volume.minor for one in found) == sum(one.facts.amount.minor for one in first)
    for one in found:
        assert sum(one.before.values()) == sum(one.after.values()) == one.payments
        assert one.moved <= one.payments
        assert one.moved_volume <= one.volume


@given(attempts, st.sampled_from(HERE))
def test_rules_that_change_nothing_move_nothing(past: list[Attempt], name: str) -> None:
    past = [one for one in past if one.connector == name]

    for one in replay((Rule(name="all", to=(name,)),), HERE, past):
        assert one.moved == 0
        assert one.would_be == one.was


@given(st.integers(1, 10_000), st.data())
def test_a_rate_lies_within_its_bounds(decided: int, data: st.DataObject) -> None:
    tally = Tally(data.draw(st.integers(0, decided)), decided)

    low, rate, high = rate_of(tally)

    assert 0 <= low <= rate <= high <= 1


def test_wilsons_bounds_are_those_of_the_textbook() -> None:
    low, _, high = rate_of(Tally(8, 10))  # Wilson (1927), as Newcombe (1998) writes it out

    assert (round(low, 3), round(high, 3)) == (Decimal("0.490"), Decimal("0.943"))
