"""One suite for every card connector: charging, 3-D Secure, capturing, letting go, giving back.

Connectors are found by listing their folder; a new one is put through all of it by being there.
"""

import asyncio

import pytest

from nonstopay.connectors import declines
from nonstopay.connectors.charge import Paid
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Authentication, Kind, Outcome, Reason
from nonstopay.money import Money, fiat
from tests.connectors.cards.acquirer import CHALLENGE, GOOD, REFUSED
from tests.connectors.cards.laboratories import CONNECTORS, LABORATORIES
from tests.connectors.cards.laboratory import EUR, WHOLE, CardLaboratory

CURRENCIES = ("USD", "EUR", "GBP", "INR", "ZAR")


def test_no_connector_escapes_the_suite() -> None:
    assert CONNECTORS
    assert set(CONNECTORS) == set(LABORATORIES)


# ── charging ────────────────────────────────────────────────────────────────────────────────────


async def test_a_charge_takes_the_money_and_is_told(lab: CardLaboratory) -> None:
    outcome = await lab.taken()

    assert (outcome.kind, outcome.amount) == (Kind.CAPTURED, WHOLE)
    assert outcome.provider_reference == lab.pay.id
    assert lab.pay.taken == 40971
    final = lab.told[-1]
    assert final.reference == "payment7"
    assert final.outcome
    assert (final.outcome.kind, final.outcome.amount) == (Kind.CAPTURED, WHOLE)


async def test_a_charge_may_only_reserve(lab: CardLaboratory) -> None:
    outcome = await lab.taken(capture=False)

    assert (outcome.kind, outcome.amount) == (Kind.AUTHORISED, WHOLE)
    assert (lab.pay.taken, lab.pay.open) == (0, 40971)
    assert [notice.outcome and notice.outcome.kind for notice in lab.told] == [Kind.AUTHORISED]
    if lab.manners.looks_up:
        assert (await lab.connector.look_up(lab.paid)).kind is Kind.AUTHORISED


@pytest.mark.parametrize("code", CURRENCIES)
async def test_every_card_currency_is_charged_in_its_minor_unit(
    lab: CardLaboratory, code: str
) -> None:
    amount = Money(101, fiat(code))

    outcome = await lab.connector.authorise(lab.charge(amount=amount))

    assert outcome.amount == amount
    assert (lab.pay.minor, lab.pay.currency.upper()) == (101, code)


async def test_charging_twice_is_charging_once(lab: CardLaboratory) -> None:
    charge = lab.charge()

    outcomes = [await lab.connector.authorise(charge) for _ in range(3)]

    assert len(lab.dialect.pays) == 1
    assert len({outcome.provider_reference for outcome in outcomes}) == 1


@pytest.mark.parametrize(("number", "reason"), REFUSED.items())
async def test_a_refusal_has_its_reason(lab: CardLaboratory, number: str, reason: str) -> None:
    refused = await lab.connector.authorise(lab.charge(number))
    await lab.dialect.settle()

    assert (refused.kind, refused.reason) == (Kind.DECLINED, Reason(reason))
    assert refused.source
    assert refused.step
    assert refused.detail
    assert not declines.failover_allowed(Reason(reason))
    told = lab.told[-1].outcome
    assert told
    assert told.kind is Kind.DECLINED
    if lab.manners.looks_up:
        assert (await lab.connector.look_up(lab.paid)).reason == refused.reason


# ── 3-D Secure ──────────────────────────────────────────────────────────────────────────────────


async def test_a_challenge_waits_with_a_link_and_then_takes_the_money(lab: CardLaboratory) -> None:
    waiting = await lab.connector.authorise(lab.charge(CHALLENGE))
    paid = Paid(reference="payment7", provider_reference=waiting.provider_reference)
    returned = await lab.answer()
    done = await lab.settled(lambda: lab.connector.complete(paid, returned))

    assert waiting.kind is Kind.WAITING
    assert (waiting.link or "").startswith("https://")
    assert (done.kind, done.amount) == (Kind.CAPTURED, WHOLE)
    assert lab.pay.taken == 40971


async def test_a_challenge_is_answered_twice_and_pays_once(lab: CardLaboratory) -> None:
    """The payer reloads the page he came back to."""
    waiting = await lab.connector.authorise(lab.charge(CHALLENGE, capture=False))
    paid = Paid(reference="payment7", provider_reference=waiting.provider_reference)
    returned = await lab.answer()

    first = await lab.connector.complete(paid, returned)
    second = await lab.connector.complete(paid, returned)

    assert first.kind is second.kind is Kind.AUTHORISED
    assert first.authentication is Authentication.CHALLENGED
    assert first.provider_reference == second.provider_reference == lab.pay.id


async def test_a_failed_challenge_is_a_refusal(lab: CardLaboratory) -> None:
    waiting = await lab.connector.authorise(lab.charge(CHALLENGE))
    paid = Paid(reference="payment7", provider_reference=waiting.provider_reference)

    refused = await lab.connector.complete(paid, await lab.answer(ok=False))

    assert (refused.kind, refused.reason) == (Kind.DECLINED, Reason.AUTHENTICATION_FAILED)


async def test_an_abandoned_challenge_stays_open(lab: CardLaboratory) -> None:
    await lab.connector.authorise(lab.charge(CHALLENGE))

    open_still = await lab.connector.look_up(lab.paid)

    expected = Kind.WAITING if lab.manners.looks_up else Kind.UNKNOWN
    assert open_still.kind is expected
    assert lab.told == []


async def test_another_payments_return_proves_nothing(lab: CardLaboratory) -> None:
    """A payer who hands us what he brought from another payment does not pay this one."""
    await lab.connector.authorise(lab.charge(CHALLENGE))
    returned = await lab.answer()

    foreign = await lab.connector.complete(
        Paid(reference="payment8", provider_reference=None), returned
    )

    assert foreign.kind is not Kind.CAPTURED
    assert foreign.amount is None


@pytest.mark.parametrize("returned", [{}, {"redirectResult": ""}, {"cko-session-id": ""}])
async def test_a_return_with_nothing_decides_nothing(
    lab: CardLaboratory, returned: dict[str, str]
) -> None:
    waiting = await lab.connector.authorise(lab.charge(CHALLENGE))
    paid = Paid(reference="payment7", provider_reference=waiting.provider_reference or lab.pay.id)

    outcome = await lab.connector.complete(paid, returned)

    assert outcome.kind in (Kind.WAITING, Kind.UNKNOWN)


# ── capturing, letting go ───────────────────────────────────────────────────────────────────────


async def test_a_reservation_is_taken_in_parts(lab: CardLaboratory) -> None:
    await lab.taken(capture=False)
    part, rest = Money(10000, EUR), Money(30971, EUR)

    first = await lab.settled(
        lambda: lab.connector.capture(lab.paid, "capture-7-1", part, final=False)
    )
    last = await lab.settled(
        lambda: lab.connector.capture(lab.paid, "capture-7-2", rest, final=True)
    )

    assert (first.kind, first.amount) == (Kind.CAPTURED, part)
    assert (last.kind, last.amount) == (Kind.CAPTURED, rest)
    assert (lab.pay.taken, lab.pay.open) == (40971, 0)
    if lab.manners.looks_up:
        whole = await lab.connector.look_up(lab.paid)
        assert (whole.kind, whole.amount) == (Kind.CAPTURED, WHOLE)


async def test_a_capture_is_made_once_for_its_key(lab: CardLaboratory) -> None:
    await lab.taken(capture=False)
    part = Money(10000, EUR)

    async def ask() -> Outcome:
        return await lab.connector.capture(lab.paid, "capture-7-1", part, final=False)

    await asyncio.gather(ask(), ask())
    again = await lab.settled(ask)

    assert again.kind is Kind.CAPTURED
    assert [one.minor for one in lab.pay.parts] == [10000]


async def test_no_more_is_taken_than_is_reserved(lab: CardLaboratory) -> None:
    await lab.taken(capture=False)

    refused = await lab.connector.capture(lab.paid, "capture-7-1", Money(40972, EUR), final=True)

    assert refused.kind is Kind.CAPTURE_REFUSED
    assert lab.pay.taken == 0


async def test_a_reservation_is_let_go(lab: CardLaboratory) -> None:
    await lab.taken(capture=False)

    let_go = await lab.settled(lambda: lab.connector.void(lab.paid, "void-7"))
    late = await lab.connector.capture(lab.paid, "capture-7-1", WHOLE, final=True)

    assert let_go.kind is Kind.VOIDED
    assert let_go.provider_reference in (None, lab.pay.id)
    assert late.kind is Kind.CAPTURE_REFUSED
    if lab.manners.looks_up:
        assert (await lab.connector.look_up(lab.paid)).kind is Kind.VOIDED


async def test_what_is_taken_cannot_be_let_go(lab: CardLaboratory) -> None:
    await lab.taken()

    refused = await lab.connector.void(lab.paid, "void-7")

    assert refused.kind is Kind.VOID_REFUSED


# ── giving back ─────────────────────────────────────────────────────────────────────────────────


async def test_a_payment_is_given_back_in_parts(lab: CardLaboratory) -> None:
    await lab.taken()
    part, rest = Money(10000, EUR), Money(30971, EUR)

    first = await lab.settled(lambda: lab.connector.refund(lab.paid, "refund1", part))
    last = await lab.settled(lambda: lab.connector.refund(lab.paid, "refund2", rest))

    assert (first.kind, first.amount) == (Kind.REFUNDED, part)
    assert (last.kind, last.amount) == (Kind.REFUNDED, rest)
    assert first.provider_reference != last.provider_reference
    assert lab.pay.left == 0
    told = {notice.key: notice.outcome and notice.outcome.kind for notice in lab.told}
    assert told["refund1"] is told["refund2"] is Kind.REFUNDED


async def test_a_refund_is_carried_out_once_for_its_key(lab: CardLaboratory) -> None:
    await lab.taken()

    async def ask() -> Outcome:
        return await lab.connector.refund(lab.paid, "refund1", Money(30000, EUR))

    await asyncio.gather(ask(), ask())
    again = await lab.settled(ask)

    assert again.kind is Kind.REFUNDED
    assert [one.minor for one in lab.pay.refunds] == [30000]


async def test_no_more_goes_back_than_came(lab: CardLaboratory) -> None:
    await lab.taken()
    await lab.settled(lambda: lab.connector.refund(lab.paid, "refund1", Money(40000, EUR)))

    too_much = await lab.connector.refund(lab.paid, "refund2", Money(972, EUR))

    assert too_much.kind is Kind.REFUND_REFUSED
    assert lab.pay.left == 971


async def test_a_payment_without_its_id_is_not_acted_on(lab: CardLaboratory) -> None:
    nameless = Paid(reference="payment7", provider_reference=None)
    await lab.taken()
    asked = len(lab.dialect.asked)

    acts = [
        await lab.connector.capture(nameless, "capture-7-1", WHOLE, final=True),
        await lab.connector.void(nameless, "void-7"),
        await lab.connector.refund(nameless, "refund1", WHOLE),
    ]

    assert {outcome.kind for outcome in acts} == {Kind.UNKNOWN}
    assert len(lab.dialect.asked) == asked


async def test_what_is_left_of_a_reservation_can_be_asked(lab: CardLaboratory) -> None:
    if not lab.manners.looks_up:
        return
    await lab.taken(capture=False)
    for key, minor, final in (("capture-7-1", 100, False), ("capture-7-2", 200, True)):
        await lab.connector.capture(lab.paid, key, Money(minor, EUR), final=final)
        await lab.dialect.settle()

        outcome = await lab.connector.look_up(lab.paid)

        assert outcome.kind is Kind.CAPTURED
        assert outcome.left == Money(0 if final else WHOLE.minor - minor, EUR)


@pytest.mark.parametrize("number", [GOOD, CHALLENGE])
async def test_a_payment_of_another_reference_is_not_ours(
    lab: CardLaboratory, http: ProviderHttp, number: str
) -> None:
    await lab.connector.authorise(lab.charge(number))
    foreign = Paid(reference="payment8", provider_reference=lab.pay.id)

    assert (await lab.connector.look_up(foreign)).kind is Kind.UNKNOWN
