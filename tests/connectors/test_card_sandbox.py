"""The sandbox's card provider through its connector: every test card, every fault."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from nonstopay import clock
from nonstopay.connectors.card.sandbox import SandboxCard
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Authentication, DisputeStage, Kind, Reason
from nonstopay.money import Money, fiat
from tests.connectors.card_sandbox_laboratory import (
    API_KEY,
    GOOD,
    NOTICE_SECRET,
    CardLaboratory,
    dollars,
    paid,
)
from tests.connectors.serving import answering, serving

REFUSALS = {
    "4000000000000002": Reason.DECLINED_BY_BANK,
    "4000000000009995": Reason.INSUFFICIENT_FUNDS,
    "4000000000000069": Reason.EXPIRED_CARD,
    "4000000000000127": Reason.WRONG_CODE,
    "4000000000006975": Reason.LIMIT_EXCEEDED,
    "4100000000000019": Reason.SUSPECTED_FRAUD,
    "4000000000009987": Reason.LOST_OR_STOLEN,
    "4000000000009979": Reason.LOST_OR_STOLEN,
    "4000000000000911": Reason.BANK_UNAVAILABLE,
    "4000000000002925": Reason.AUTHENTICATION_FAILED,
    "4012888888881881": Reason.CARD_NOT_SUPPORTED,  # good elsewhere, no test card here
}

# ── the test cards ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "number", [GOOD, "5555555555554444", "378282246310005"], ids=["visa", "mastercard", "amex"]
)
async def test_good_cards_pay(cards: CardLaboratory, number: str) -> None:
    outcome = await cards.authorise(number)

    assert (outcome.kind, outcome.amount) == (Kind.CAPTURED, dollars(1504))
    assert outcome.provider_reference
    assert outcome.authentication is Authentication.NONE


@pytest.mark.parametrize(("number", "reason"), REFUSALS.items(), ids=lambda one: one[-4:])
async def test_bad_cards_are_refused_for_their_reason(
    cards: CardLaboratory, number: str, reason: Reason
) -> None:
    outcome = await cards.authorise(number)

    assert (outcome.kind, outcome.reason) == (Kind.DECLINED, reason)
    looked_up = await cards.look_up()
    assert (looked_up.kind, looked_up.reason) == (Kind.DECLINED, reason)
    await cards.settle()
    assert cards.told_kinds() == [Kind.DECLINED]


@pytest.mark.parametrize(
    ("number", "how"),
    [
        ("4000000000002701", Authentication.FRICTIONLESS),
        ("4000000000002719", Authentication.ATTEMPTED),
    ],
    ids=["frictionless", "attempted"],
)
async def test_some_cards_are_authenticated_without_a_question(
    cards: CardLaboratory, number: str, how: Authentication
) -> None:
    outcome = await cards.authorise(number)

    assert (outcome.kind, outcome.authentication) == (Kind.CAPTURED, how)


async def test_a_card_out_of_date_is_refused(cards: CardLaboratory) -> None:
    charge = cards.charge()
    clock.move_to_offset(timedelta(days=365 * 20))

    outcome = await cards.connector.authorise(charge)

    assert outcome.reason is Reason.EXPIRED_CARD


async def test_a_lost_answer_is_found_by_look_up(cards: CardLaboratory, hasty: SandboxCard) -> None:
    outcome = await hasty.authorise(cards.charge("4000000000000119"))

    assert outcome.kind is Kind.UNKNOWN
    await cards.settle()
    assert cards.told == []
    looked_up = await hasty.look_up(paid())
    assert (looked_up.kind, looked_up.amount) == (Kind.CAPTURED, dollars(1504))


async def test_a_holder_wants_his_money_back_a_day_later(cards: CardLaboratory) -> None:
    assert (await cards.authorise("4000000000000259")).kind is Kind.CAPTURED
    await cards.settle()
    await cards.advance(hours=23)
    assert cards.told_kinds() == [Kind.CAPTURED]

    await cards.advance(hours=1)
    await cards.advance(days=30)

    assert cards.told_kinds() == [Kind.CAPTURED, Kind.DISPUTED]
    outcome = cards.told[-1].outcome
    assert outcome is not None
    assert outcome.dispute is not None
    assert outcome.amount == dollars(1504)
    assert outcome.dispute.stage is DisputeStage.CHARGEBACK
    assert outcome.dispute.reason == "10.4"


# ── charging ────────────────────────────────────────────────────────────────────────────────────


async def test_charging_twice_is_charging_once(cards: CardLaboratory) -> None:
    outcomes = await asyncio.gather(*(cards.authorise() for _ in range(5)))

    assert {outcome.kind for outcome in outcomes} == {Kind.CAPTURED}
    assert len({outcome.provider_reference for outcome in outcomes}) == 1
    await cards.settle()
    assert cards.told_kinds() == [Kind.CAPTURED]


@pytest.mark.parametrize(
    "other", [{"cents": 1}, {"number": "5555555555554444"}, {"capture": False}]
)
async def test_a_reference_does_not_change_its_charge(
    cards: CardLaboratory, other: dict[str, Any]
) -> None:
    await cards.authorise()

    assert (await cards.authorise(**other)).kind is Kind.UNKNOWN
    assert (await cards.look_up()).amount == dollars(1504)


@pytest.mark.parametrize("code", ["EUR", "GBP", "INR", "ZAR"])
async def test_cards_pay_in_five_currencies(cards: CardLaboratory, code: str) -> None:
    charge = cards.charge()
    amount = Money(1504, fiat(code))

    outcome = await cards.connector.authorise(replace(charge, amount=amount))

    assert (outcome.kind, outcome.amount) == (Kind.CAPTURED, amount)


async def test_what_the_bank_never_heard_of_was_not_received(cards: CardLaboratory) -> None:
    outcome = await cards.look_up("never")

    assert (outcome.kind, outcome.reason) == (Kind.DECLINED, Reason.NOT_RECEIVED)


async def test_a_404_of_somebody_else_proves_nothing(http: ProviderHttp) -> None:
    async with serving([answering(b"no such page", 404)]) as address:
        connector = SandboxCard(http, address, API_KEY, NOTICE_SECRET)
        assert (await connector.look_up(paid())).kind is Kind.UNKNOWN


async def test_a_bank_that_does_not_know_us_has_done_nothing(
    cards: CardLaboratory, http: ProviderHttp
) -> None:
    stranger = cards.connector_by(http, "wrong")

    outcome = await stranger.authorise(cards.charge())

    assert (outcome.kind, outcome.reason) == (Kind.DECLINED, Reason.MERCHANT_REFUSED)
    assert (await stranger.look_up(paid())).kind is Kind.UNKNOWN
    assert (await cards.look_up()).reason is Reason.NOT_RECEIVED


# ── faults ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", ["timeout", "error_500"])
async def test_a_bank_that_is_unwell_does_nothing_and_says_nothing(
    cards: CardLaboratory, hasty: SandboxCard, mode: str
) -> None:
    await cards.reserved()
    await cards.fault(mode)

    outcomes = [
        await hasty.authorise(cards.charge(reference="payment8")),
        await hasty.look_up(paid()),
        await hasty.capture(paid(), "c-1", dollars(1), final=False),
        await hasty.void(paid(), "v-1"),
        await hasty.refund(paid(), "r-1", dollars(1)),
    ]
    await cards.fault("none")

    assert {outcome.kind for outcome in outcomes} == {Kind.UNKNOWN}
    assert (await cards.look_up()).kind is Kind.AUTHORISED
    assert (await cards.look_up("payment8")).reason is Reason.NOT_RECEIVED


async def test_a_bank_whose_answer_is_lost_has_done_it(
    cards: CardLaboratory, hasty: SandboxCard
) -> None:
    await cards.fault("lost_answer")
    lost = [
        await hasty.authorise(cards.charge(cents=1000)),
        await hasty.refund(paid(), "refund-1", dollars(600)),
    ]
    await cards.fault("none")

    assert {outcome.kind for outcome in lost} == {Kind.UNKNOWN}
    assert (await cards.look_up()).kind is Kind.CAPTURED
    again = await cards.connector.refund(paid(), "refund-1", dollars(600))
    assert again.kind is Kind.REFUNDED
    more = await cards.connector.refund(paid(), "refund-2", dollars(600))
    assert more.kind is Kind.REFUND_REFUSED


async def test_a_bank_may_tell_everything_twice(cards: CardLaboratory) -> None:
    await cards.fault("double_answer")

    await cards.authorise()
    await cards.settle()

    assert cards.told_kinds() == [Kind.CAPTURED, Kind.CAPTURED]
    assert cards.told[0] == cards.told[1]


async def test_the_bank_tells_until_it_is_heard(cards: CardLaboratory) -> None:
    cards.deaf = True
    await cards.authorise()
    await cards.settle()
    cards.deaf = False

    await cards.advance(minutes=10)
    await cards.advance(minutes=10)

    assert cards.told_kinds() == [Kind.CAPTURED]
