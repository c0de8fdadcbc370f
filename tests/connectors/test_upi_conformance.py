"""One suite for every UPI connector: what it starts, what payers do, what is given back.

Connectors are found by listing their folder; a new one is put through all of it by being there.
"""

import asyncio

import pytest

from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind, Reason
from nonstopay.connectors.upi import link
from nonstopay.money import Money, fiat
from tests.connectors.serving import answering, serving
from tests.connectors.upi_laboratory import CONNECTORS, LABORATORIES, Laboratory

INR = fiat("INR")


def test_no_connector_escapes_the_suite() -> None:
    assert CONNECTORS
    assert set(CONNECTORS) == set(LABORATORIES)


# ── starting ────────────────────────────────────────────────────────────────────────────────────


async def test_a_start_waits_with_a_link_that_apps_take(lab: Laboratory) -> None:
    outcome = await lab.connector.start(lab.order())

    assert outcome.kind is Kind.WAITING
    assert outcome.provider_reference
    asked = link.read(outcome.link or "")
    assert asked.amount == Money(40971, INR)
    assert asked.payee_name == "Acme Toys"
    assert (await lab.connector.look_up("payment7")).kind is Kind.WAITING


async def test_asking_twice_is_asking_once(lab: Laboratory) -> None:
    first, second, third = await asyncio.gather(
        *(lab.connector.start(lab.order()) for _ in range(3))
    )

    assert first == second == third


async def test_a_reference_does_not_change_its_amount(lab: Laboratory) -> None:
    await lab.start(rupees=40971)

    changed = await lab.connector.start(lab.order(rupees=100))

    assert changed.kind is Kind.UNKNOWN
    assert (await lab.connector.look_up("payment7")).amount == Money(40971, INR)


async def test_an_order_nobody_opened_is_unknown(lab: Laboratory) -> None:
    assert (await lab.connector.look_up("never")).kind is Kind.UNKNOWN


# ── paying ──────────────────────────────────────────────────────────────────────────────────────


async def test_success_is_told_and_found_with_amount_and_utr(lab: Laboratory) -> None:
    await lab.pay(await lab.start(), "success")
    await lab.settle()

    (notice,) = lab.told
    assert notice.reference == "payment7"
    assert notice.outcome.kind is Kind.CAPTURED
    assert notice.outcome.amount == Money(40971, INR)
    utr = notice.outcome.network_reference or ""
    assert utr.isdigit()
    assert len(utr) == 12
    assert await lab.connector.look_up("payment7") == notice.outcome


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("wrong_pin", Reason.WRONG_PIN),
        ("insufficient_funds", Reason.INSUFFICIENT_FUNDS),
        ("declined", Reason.DECLINED_BY_BANK),
    ],
)
async def test_a_refusal_has_its_reason_and_the_order_lives_on(
    lab: Laboratory, outcome: str, reason: Reason
) -> None:
    uri = await lab.start()

    await lab.pay(uri, outcome)
    refused = await lab.connector.look_up("payment7")
    await lab.pay(uri, "success")
    await lab.settle()

    assert (refused.kind, refused.reason) == (Kind.DECLINED, reason)
    assert lab.told_kinds() == [Kind.DECLINED, Kind.CAPTURED]


async def test_pending_is_processing_until_the_bank_confirms(lab: Laboratory) -> None:
    await lab.pay(await lab.start(), "pending")
    await lab.settle()
    processing = await lab.connector.look_up("payment7")
    await lab.advance(minutes=29)
    still = await lab.connector.look_up("payment7")
    await lab.advance(minutes=1)

    assert processing.kind is still.kind is Kind.PROCESSING
    assert lab.told_kinds() == [Kind.PROCESSING, Kind.CAPTURED]
    assert (await lab.connector.look_up("payment7")).kind is Kind.CAPTURED


async def test_late_success_comes_after_a_refusal(lab: Laboratory) -> None:
    await lab.pay(await lab.start(), "late_success")
    await lab.settle()
    refused = await lab.connector.look_up("payment7")
    await lab.advance(seconds=60)

    assert (refused.kind, refused.reason) == (Kind.DECLINED, Reason.BANK_UNAVAILABLE)
    assert lab.told_kinds() == [Kind.DECLINED, Kind.CAPTURED]


async def test_debit_without_credit_is_unknown_and_found_by_asking(lab: Laboratory) -> None:
    await lab.pay(await lab.start(), "debit_no_credit")
    await lab.settle()
    unknown = await lab.connector.look_up("payment7")
    await lab.advance(seconds=20)
    found = await lab.connector.look_up("payment7")

    assert unknown.kind is Kind.UNKNOWN
    assert (found.kind, found.amount) == (Kind.CAPTURED, Money(40971, INR))
    assert found.network_reference
    assert lab.heard == []


async def test_an_order_that_nobody_paid_expires(lab: Laboratory) -> None:
    await lab.start()
    await lab.advance(minutes=8)

    assert lab.told_kinds() == [Kind.EXPIRED]
    assert (await lab.connector.look_up("payment7")).kind is Kind.EXPIRED


# ── refunds ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_refund_is_carried_out_once_for_its_key(lab: Laboratory) -> None:
    await lab.paid()

    refunds = await asyncio.gather(
        *(lab.connector.refund("payment7", "refund1", Money(30000, INR)) for _ in range(3))
    )
    rest = await lab.connector.refund("payment7", "refund2", Money(10971, INR))

    assert {refund.kind for refund in refunds} == {Kind.REFUNDED}
    assert len({refund.provider_reference for refund in refunds}) == 1
    assert refunds[0].amount == Money(30000, INR)
    assert rest.kind is Kind.REFUNDED


async def test_no_more_goes_back_than_came(lab: Laboratory) -> None:
    await lab.paid()
    await lab.connector.refund("payment7", "refund1", Money(40000, INR))

    too_much = await lab.connector.refund("payment7", "refund2", Money(972, INR))

    assert too_much.kind is Kind.REFUND_REFUSED


async def test_an_unpaid_order_has_nothing_to_refund(lab: Laboratory) -> None:
    await lab.start()

    outcome = await lab.connector.refund("payment7", "refund1", Money(100, INR))

    assert outcome.kind is Kind.REFUND_REFUSED


async def test_a_refund_key_does_not_change_its_amount(lab: Laboratory) -> None:
    """Refused would be a lie: a refund was made under this key."""
    await lab.paid()
    await lab.connector.refund("payment7", "refund1", Money(100, INR))

    changed = await lab.connector.refund("payment7", "refund1", Money(200, INR))

    assert changed.kind is Kind.UNKNOWN


async def test_a_refund_whose_answer_was_lost_is_repeated_not_doubled(
    lab: Laboratory, hasty_http: ProviderHttp
) -> None:
    await lab.paid()
    await lab.fault("lost_answer")
    whole = Money(40971, INR)
    lost = await lab.make(hasty_http, lab.address).refund("payment7", "refund1", whole)
    await lab.fault("none")

    repeated = await lab.connector.refund("payment7", "refund1", whole)

    assert lost.kind is Kind.UNKNOWN
    assert (repeated.kind, repeated.amount) == (Kind.REFUNDED, whole)


async def test_an_undocumented_refund_is_unknown(lab: Laboratory, http: ProviderHttp) -> None:
    amount = Money(10000, INR)
    async with serving([answering(lab.words.refunded)]) as address:
        documented = await lab.make(http, address).refund("payment7", "refund1", amount)
    assert documented.kind is Kind.REFUNDED

    bodies = lab.words.undocumented_refunds.values()
    async with serving(
        [answering(body, below=f"/{n}") for n, body in enumerate(bodies)]
    ) as address:
        for n, change in enumerate(lab.words.undocumented_refunds):
            connector = lab.make(http, f"{address}/{n}")
            outcome = await connector.refund("payment7", "refund1", amount)

            assert outcome.kind is Kind.UNKNOWN, change
