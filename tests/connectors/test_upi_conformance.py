"""One suite for every UPI connector: what it starts, what payers do, what is given back.

Connectors are found by listing their folder; a new one is put through all of it by being there.
"""

import asyncio

import pytest

from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind, Reason
from nonstopay.connectors.upi import link
from nonstopay.money import Money, fiat
from tests.connectors.laboratory import Laboratory, scripts
from tests.connectors.serving import scripted, serving
from tests.connectors.upi_laboratory import CONNECTORS, LABORATORIES, SANDBOX

INR = fiat("INR")


def test_no_connector_escapes_the_suite() -> None:
    assert CONNECTORS
    assert set(CONNECTORS) == {SANDBOX, *LABORATORIES}


# ── starting ────────────────────────────────────────────────────────────────────────────────────


async def test_a_start_waits_with_a_link_that_apps_take(lab: Laboratory) -> None:
    outcome = await lab.connector.start(lab.order())

    assert outcome.kind is Kind.WAITING
    assert outcome.provider_reference
    assert link.refusals(outcome.link or "", Money(40971, INR)) == []
    assert "Acme" in (outcome.link or "")
    assert (await lab.connector.look_up("payment7")).kind is Kind.WAITING


async def test_asking_twice_is_asking_once(lab: Laboratory) -> None:
    """One order, and the payer gets one link: the same, another of the same order, or none."""
    first = await lab.connector.start(lab.order())
    second, third = await asyncio.gather(*(lab.connector.start(lab.order()) for _ in range(2)))

    if lab.manners.link_again == "same":
        assert first.link == second.link == third.link
    elif lab.manners.link_again == "new":
        assert len({first.link, second.link, third.link}) == 3
    else:
        assert (second.kind, second.link) == (third.kind, third.link) == (Kind.EXPIRED, None)
    assert first.provider_reference == second.provider_reference == third.provider_reference


async def test_starts_at_one_moment_lead_to_one_payment(lab: Laboratory) -> None:
    starts = await asyncio.gather(*(lab.connector.start(lab.order()) for _ in range(3)))
    links = [start.link for start in starts if start.link]

    await lab.pay(links[0], "success")

    assert {start.kind for start in starts} <= {Kind.WAITING, Kind.EXPIRED}
    assert (await lab.connector.look_up("payment7")).kind is Kind.CAPTURED


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
    assert notice.outcome
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
    await lab.settle()
    refused = await lab.connector.look_up("payment7")

    assert (refused.kind, refused.reason) == (Kind.DECLINED, reason)
    assert lab.told_kinds() == [Kind.DECLINED]
    if lab.manners.lives_on:
        await lab.pay(uri, "success")
        await lab.settle()
        assert lab.told_kinds() == [Kind.DECLINED, Kind.CAPTURED]


async def test_pending_is_processing_until_the_bank_confirms(lab: Laboratory) -> None:
    await lab.pay(await lab.start(), "pending")
    await lab.settle()
    processing = await lab.connector.look_up("payment7")
    await lab.advance(minutes=29)
    still = await lab.connector.look_up("payment7")
    await lab.advance(minutes=1)

    assert processing.kind is still.kind is lab.manners.pending
    assert [kind for kind in lab.told_kinds() if kind is not lab.manners.pending] == [Kind.CAPTURED]
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

    assert unknown.kind is lab.manners.doubt
    assert (found.kind, found.amount) == (Kind.CAPTURED, Money(40971, INR))
    assert found.network_reference
    assert lab.heard == []


async def test_an_order_that_nobody_paid_expires(lab: Laboratory) -> None:
    await lab.start()
    await lab.advance(seconds=lab.manners.lifetime.total_seconds())

    assert tuple(lab.told_kinds()) == lab.manners.ending
    assert (await lab.connector.look_up("payment7")).kind is Kind.EXPIRED


# ── refunds ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_refund_is_carried_out_once_for_its_key(lab: Laboratory) -> None:
    await lab.paid()

    refunds = await asyncio.gather(*(lab.refund("refund1", 30000) for _ in range(3)))
    rest = await lab.refund("refund2", 10971)

    assert {refund.kind for refund in refunds} == {Kind.REFUNDED}
    assert len({refund.provider_reference for refund in refunds}) == 1
    assert refunds[0].amount == Money(30000, INR)
    assert rest.kind is Kind.REFUNDED


async def test_no_more_goes_back_than_came(lab: Laboratory) -> None:
    await lab.paid()
    await lab.refund("refund1", 40000)

    too_much = await lab.refund("refund2", 972)

    assert too_much.kind is lab.manners.excess


async def test_an_unpaid_order_has_nothing_to_refund(lab: Laboratory) -> None:
    await lab.start()

    outcome = await lab.refund("refund1", 100)

    assert outcome.kind is Kind.REFUND_REFUSED


async def test_a_refund_key_does_not_change_its_amount(lab: Laboratory) -> None:
    """Refused would be a lie: a refund was made under this key."""
    await lab.paid()
    await lab.refund("refund1", 100)

    changed = await lab.refund("refund1", 200)

    assert changed.kind is Kind.UNKNOWN


async def test_a_refund_whose_answer_was_lost_is_repeated_not_doubled(
    lab: Laboratory, hasty_http: ProviderHttp
) -> None:
    await lab.paid()
    await lab.fault("lost_answer")
    whole = Money(40971, INR)
    lost = await lab.make(hasty_http, lab.address).refund("payment7", "refund1", whole)
    await lab.fault("none")

    repeated = await lab.refund("refund1", 40971)

    assert lost.kind is Kind.UNKNOWN
    assert (repeated.kind, repeated.amount) == (Kind.REFUNDED, whole)


async def test_an_undocumented_refund_is_unknown(lab: Laboratory, http: ProviderHttp) -> None:
    amount = Money(10000, INR)
    async with serving([scripted(lab.words.refunded)]) as address:
        documented = await lab.make(http, address).refund("payment7", "refund1", amount)
    assert documented.kind is Kind.REFUNDED

    async with serving(scripts(lab.words.undocumented_refunds)) as address:
        for n, change in enumerate(lab.words.undocumented_refunds):
            connector = lab.make(http, f"{address}/{n}")
            outcome = await connector.refund("payment7", "refund1", amount)

            assert outcome.kind is Kind.UNKNOWN, change
