"""What is done to a payment of the sandbox's card provider: captured, let go, refunded, disputed."""

import asyncio
from typing import Any

import pytest

from nonstopay.connectors.outcome import DisputeStage, Kind
from tests.connectors.card_sandbox_laboratory import (
    CardLaboratory,
    dollars,
    paid,
)

# ── captures, voids, refunds ────────────────────────────────────────────────────────────────────


async def test_a_reservation_is_captured_in_parts(cards: CardLaboratory) -> None:
    await cards.reserved(1000)

    parts = [
        await cards.connector.capture(paid(), "c-1", dollars(300), final=False),
        await cards.connector.capture(paid(), "c-2", dollars(200), final=True),
        await cards.connector.capture(paid(), "c-3", dollars(1), final=True),
    ]

    assert [part.kind for part in parts] == [Kind.CAPTURED, Kind.CAPTURED, Kind.CAPTURE_REFUSED]
    assert [part.amount for part in parts] == [dollars(300), dollars(200), None]
    assert (await cards.look_up()).amount == dollars(500)
    await cards.settle()
    assert [(notice.key, notice.outcome and notice.outcome.amount) for notice in cards.told] == [
        (None, dollars(1000)),
        ("c-1", dollars(300)),
        ("c-2", dollars(200)),
    ]


async def test_captures_at_one_moment_never_exceed_the_reservation(cards: CardLaboratory) -> None:
    await cards.reserved(1000)

    parts = await asyncio.gather(
        *(cards.connector.capture(paid(), f"c-{n}", dollars(400), final=False) for n in range(6))
    )

    kinds = [part.kind for part in parts]
    assert (kinds.count(Kind.CAPTURED), kinds.count(Kind.CAPTURE_REFUSED)) == (2, 4)
    assert (await cards.look_up()).amount == dollars(800)


async def test_a_capture_asked_twice_is_made_once(cards: CardLaboratory) -> None:
    await cards.reserved(1000)

    again = await asyncio.gather(
        *(cards.connector.capture(paid(), "c-1", dollars(300), final=False) for _ in range(4))
    )
    other = await cards.connector.capture(paid(), "c-1", dollars(400), final=False)

    assert {(one.kind, one.amount) for one in again} == {(Kind.CAPTURED, dollars(300))}
    assert other.kind is Kind.UNKNOWN
    assert (await cards.look_up()).amount == dollars(300)


async def test_a_reservation_is_let_go(cards: CardLaboratory) -> None:
    await cards.reserved(1000)

    first, second = [await cards.connector.void(paid(), "void-7") for _ in range(2)]
    late = await cards.connector.capture(paid(), "c-1", dollars(1), final=False)

    assert first.kind is second.kind is Kind.VOIDED
    assert first.amount == second.amount == dollars(1000)
    assert late.kind is Kind.CAPTURE_REFUSED
    assert (await cards.connector.void(paid(), "other")).kind is Kind.VOID_REFUSED
    assert (await cards.look_up()).kind is Kind.VOIDED


async def test_what_was_taken_cannot_be_let_go(cards: CardLaboratory) -> None:
    await cards.authorise()

    assert (await cards.connector.void(paid(), "void-7")).kind is Kind.VOID_REFUSED


async def test_a_reservation_ends_after_seven_days(cards: CardLaboratory) -> None:
    await cards.reserved(1000)
    await cards.settle()
    await cards.advance(days=6, hours=23)
    assert (await cards.look_up()).kind is Kind.AUTHORISED

    await cards.advance(hours=1)

    assert cards.told_kinds() == [Kind.AUTHORISED, Kind.VOIDED]
    late = await cards.connector.capture(paid(), "c-1", dollars(1000), final=True)
    assert late.kind is Kind.CAPTURE_REFUSED


async def test_refunds_go_back_in_parts_and_never_more_than_came(cards: CardLaboratory) -> None:
    await cards.authorise(cents=1000)

    parts = await asyncio.gather(
        *(cards.connector.refund(paid(), f"refund-{n}", dollars(400)) for n in range(6))
    )

    kinds = [part.kind for part in parts]
    assert (kinds.count(Kind.REFUNDED), kinds.count(Kind.REFUND_REFUSED)) == (2, 4)
    assert (await cards.connector.refund(paid(), "rest", dollars(200))).kind is Kind.REFUNDED
    assert (await cards.connector.refund(paid(), "more", dollars(1))).kind is Kind.REFUND_REFUSED


async def test_a_refund_asked_twice_is_made_once(cards: CardLaboratory) -> None:
    await cards.authorise(cents=1000)

    first, second = [
        await cards.connector.refund(paid(), "refund-1", dollars(600)) for _ in range(2)
    ]

    assert first == second
    assert (first.kind, first.amount) == (Kind.REFUNDED, dollars(600))
    assert (await cards.connector.refund(paid(), "refund-1", dollars(1))).kind is Kind.UNKNOWN
    await cards.settle()
    assert [notice.key for notice in cards.told] == [None, "refund-1"]
    assert cards.told[-1].outcome == first


async def test_only_captured_money_is_refunded(cards: CardLaboratory) -> None:
    await cards.reserved(1000)

    assert (
        await cards.connector.refund(paid(), "refund-1", dollars(1))
    ).kind is Kind.REFUND_REFUSED


async def test_an_act_on_a_payment_nobody_made_is_unknown(cards: CardLaboratory) -> None:
    nobody = paid("never")

    outcomes = [
        await cards.connector.capture(nobody, "c-1", dollars(1), final=True),
        await cards.connector.void(nobody, "v-1"),
        await cards.connector.refund(nobody, "r-1", dollars(1)),
    ]

    assert {outcome.kind for outcome in outcomes} == {Kind.UNKNOWN}


# ── disputes ────────────────────────────────────────────────────────────────────────────────────


async def test_a_dispute_goes_through_its_stages(cards: CardLaboratory) -> None:
    await cards.authorise(cents=1000)
    await cards.connector.refund(paid(), "refund-1", dollars(100))
    await cards.settle()
    cards.told.clear()

    for stage in ("inquiry", "chargeback", "chargeback", "won", "pre_arbitration", "lost"):
        status, answer = await cards.control("card/chargeback", invoice_id="7", stage=stage)
        assert (status, answer["stage"]) == (200, stage)
    await cards.settle()

    news = [notice.outcome.dispute for notice in cards.told if notice.outcome]
    assert [one.stage for one in news if one] == [
        DisputeStage.INQUIRY,
        DisputeStage.CHARGEBACK,
        DisputeStage.WON,
        DisputeStage.PRE_ARBITRATION,
        DisputeStage.LOST,
    ]
    assert len({one.reference for one in news if one}) == 1
    assert {notice.outcome.amount for notice in cards.told if notice.outcome} == {dollars(900)}


async def test_money_that_was_charged_back_is_not_refunded_too(cards: CardLaboratory) -> None:
    await cards.authorise(cents=1000)
    status, answer = await cards.control("card/chargeback", invoice_id=7)

    refund = await cards.connector.refund(paid(), "refund-1", dollars(1))

    assert (status, answer["stage"], answer["amount"]) == (200, "chargeback", "10.00")
    assert refund.kind is Kind.REFUND_REFUSED
    await cards.control("card/chargeback", invoice_id="7", stage="won")
    assert (await cards.connector.refund(paid(), "r-2", dollars(1000))).kind is Kind.REFUNDED
    status, answer = await cards.control("card/chargeback", invoice_id="7", stage="pre_arbitration")
    assert (status, "nothing left" in answer["error"]) == (409, True)


@pytest.mark.parametrize(
    ("wish", "status", "words"),
    [
        ({"invoice_id": "8"}, 404, "Invoice 8"),
        ({"invoice_id": "7", "stage": "theft"}, 400, "stage must be one of: inquiry"),
        ({"invoice_id": "7", "stage": "lost"}, 409, "after no dispute may come chargeback"),
        ({}, 400, "invoice_id"),
    ],
)
async def test_a_dispute_that_cannot_be_is_told_why(
    cards: CardLaboratory, wish: dict[str, Any], status: int, words: str
) -> None:
    await cards.authorise()

    answered, answer = await cards.control("card/chargeback", **wish)

    assert (answered, words in answer["error"]) == (status, True), answer


async def test_what_was_never_captured_is_not_disputed(cards: CardLaboratory) -> None:
    await cards.reserved()

    assert (await cards.control("card/chargeback", invoice_id="7"))[0] == 404
