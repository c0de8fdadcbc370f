"""Which ways to pay a payer is shown, and in what order, when some of them are unwell."""

from dataclasses import replace
from typing import Any, cast

import pytest

from nonstopay.business.invoices.invoice import CARD, UPI
from nonstopay.business.payments.health.health import Standing
from nonstopay.business.payments.health.states import State
from nonstopay.store.db import Database
from nonstopay.web.checkout.sight import Sight
from nonstopay.web.checkout.view import render
from tests.unit.payments.counter import NAME, open_counter
from tests.unit.web.checkout_pages import VISIT, Reading

ACQUIRER = "acquirer"
DOWN = "is having trouble just now"
DEGRADED = "fail than usual just now"


@pytest.fixture
async def sight(database: Database) -> Sight:
    """A payer who looks at an invoice that can be paid by card and by UPI."""
    counter = await open_counter(database)
    nobody = cast(Any, object())
    return Sight(
        visit=replace(VISIT, now=(await counter.invoice()).created_at),
        token="t",
        public_url="http://127.0.0.1",
        merchant=replace(counter.merchant, methods=frozenset({CARD.name, UPI.name})),
        invoice=await counter.invoice(method=None),
        payment=None,
        rails=replace(counter.rails, card={ACQUIRER: nobody}),
    )


def seen(sight: Sight, *, card: State, upi: State) -> tuple[list[str], str]:
    """The methods on the page in their order, and its text."""
    standing = Standing({(CARD.name, ACQUIRER): card, (UPI.name, NAME): upi})
    page = Reading(render(replace(sight, standing=standing)))
    ways = [tag.attributes.get("action") or tag.attributes.get("href", "") for tag in page.tags]
    return [
        one.partition("method=")[2][:4].rstrip("&") for one in ways if "method=" in one
    ], page.text


@pytest.mark.parametrize(
    ("card", "upi", "order", "said"),
    [
        (State.HEALTHY, State.HEALTHY, ["card", "upi"], None),
        (State.DEGRADED, State.HEALTHY, ["upi", "card"], DEGRADED),
        (State.PROBING, State.HEALTHY, ["upi", "card"], DEGRADED),
        (State.HEALTHY, State.DEGRADED, ["card", "upi"], DEGRADED),
        (State.DOWN, State.HEALTHY, ["upi"], None),
        (State.HEALTHY, State.DOWN, ["card"], None),
        (State.DEGRADED, State.DOWN, ["card"], DEGRADED),
        (State.DOWN, State.DOWN, ["card", "upi"], DOWN),
    ],
)
async def test_what_works_comes_first_and_what_is_down_only_if_there_is_nothing_else(
    sight: Sight, card: State, upi: State, order: list[str], said: str | None
) -> None:
    methods, text = seen(sight, card=card, upi=upi)

    assert methods == order
    assert (DOWN in text) is (said == DOWN)
    assert (DEGRADED in text) is (said == DEGRADED)


async def test_a_merchants_choice_is_shown_even_when_it_is_down(sight: Sight) -> None:
    chosen = replace(sight, invoice=replace(sight.invoice, method=UPI.name))

    methods, text = seen(chosen, card=State.HEALTHY, upi=State.DOWN)

    assert methods == ["upi"]
    assert DOWN in text
