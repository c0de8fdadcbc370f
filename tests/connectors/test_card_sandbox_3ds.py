"""The sandbox's issuer: a question that may be left, resumed, and answered once."""

import asyncio

import pytest

from nonstopay.connectors.outcome import Authentication, Kind, Reason
from tests.connectors.card_sandbox_laboratory import (
    CHALLENGED,
    CardLaboratory,
    paid,
)


async def test_the_right_code_pays(cards: CardLaboratory) -> None:
    link = await cards.link()
    await cards.settle()
    assert cards.told == []

    status, location = await cards.answer(link, " 123 456 ")

    assert (status, location) == (303, f"{cards.address}/back?token=abc.def")
    outcome = await cards.connector.complete(paid(), {})
    assert (outcome.kind, outcome.authentication) == (Kind.CAPTURED, Authentication.CHALLENGED)
    await cards.settle()
    assert cards.told_kinds() == [Kind.CAPTURED]


@pytest.mark.parametrize(
    ("code", "act", "reason"),
    [
        ("654321", "confirm", Reason.AUTHENTICATION_FAILED),
        ("12345", "confirm", Reason.AUTHENTICATION_FAILED),
        ("1" * 5000, "confirm", Reason.AUTHENTICATION_FAILED),
        ("", "cancel", Reason.CANCELLED_BY_PAYER),
        ("123456", "cancel", Reason.CANCELLED_BY_PAYER),
    ],
)
async def test_any_other_answer_fails(
    cards: CardLaboratory, code: str, act: str, reason: Reason
) -> None:
    link = await cards.link()

    status, _ = await cards.answer(link, code, act)

    assert status == 303
    outcome = await cards.look_up()
    assert (outcome.kind, outcome.reason) == (Kind.DECLINED, reason)
    assert outcome.authentication is Authentication.FAILED


async def test_a_closed_page_opens_again(cards: CardLaboratory) -> None:
    link = await cards.link()
    for _ in range(3):
        status, page = await cards.page(link)
        assert (status, "One-time code" in page) == (200, True)
    await cards.advance(minutes=14)

    assert (await cards.look_up()).link == link
    assert (await cards.authorise(CHALLENGED)).link == link
    await cards.answer(link)

    assert (await cards.look_up()).kind is Kind.CAPTURED


async def test_an_empty_answer_is_asked_again(cards: CardLaboratory) -> None:
    link = await cards.link()

    assert (await cards.answer(link, "  "))[0] == 400
    assert (await cards.look_up()).kind is Kind.WAITING


async def test_the_first_answer_counts(cards: CardLaboratory) -> None:
    link = await cards.link()

    answers = await asyncio.gather(*(cards.answer(link) for _ in range(5)))
    late = [await cards.answer(link, "000000"), await cards.answer(link, "", "cancel")]

    assert {status for status, _ in (*answers, *late)} == {303}
    await cards.settle()
    assert cards.told_kinds() == [Kind.CAPTURED]
    status, page = await cards.page(link)
    assert (status, "You have confirmed this payment" in page) == (200, True)


async def test_a_question_that_nobody_answers_ends(cards: CardLaboratory) -> None:
    link = await cards.link()

    await cards.advance(minutes=15)

    assert cards.told_kinds() == [Kind.EXPIRED]
    await cards.answer(link)
    assert (await cards.look_up()).kind is Kind.EXPIRED
    assert "The time for this payment is over" in (await cards.page(link))[1]


async def test_a_bank_may_refuse_what_its_holder_confirmed(cards: CardLaboratory) -> None:
    outcome = await cards.authorise("4000008400001629")
    assert outcome.link

    await cards.answer(outcome.link)

    outcome = await cards.look_up()
    assert (outcome.kind, outcome.reason) == (Kind.DECLINED, Reason.DECLINED_BY_BANK)
    assert outcome.authentication is Authentication.CHALLENGED


async def test_an_address_that_was_guessed_shows_nothing(cards: CardLaboratory) -> None:
    link = f"{cards.address}/sandbox/issuer/guess"

    assert (await cards.page(link))[0] == 404
    assert (await cards.answer(link))[0] == 404
    assert (await cards.answer(link, ""))[0] == 404
