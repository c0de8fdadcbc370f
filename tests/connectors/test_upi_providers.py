"""What is special about each of the real providers, beside what they have in common."""

import pytest

from nonstopay.connectors import npci, upi
from nonstopay.connectors.base import find
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind, Reason, Source, Step
from nonstopay.connectors.upi import razorpay
from nonstopay.connectors.upi.cashfree import Cashfree
from nonstopay.errors import Misconfigured
from nonstopay.money import Money, fiat
from tests.connectors.cashfree_laboratory import cashfree_laboratory
from tests.connectors.phonepe_laboratory import PhonePeDialect, phonepe_laboratory
from tests.connectors.pretend_provider import encoded, recording
from tests.connectors.razorpay_laboratory import razorpay_laboratory
from tests.connectors.serving import scripted, serving
from tests.connectors.upi_laboratory import LABORATORIES

INR = fiat("INR")


@pytest.mark.parametrize("name", LABORATORIES)
async def test_an_identity_number_goes_to_nobody_who_does_not_need_it(
    name: str, http: ProviderHttp
) -> None:
    """None of the three asks for it; what they do ask for, they get."""
    async with LABORATORIES[name](http) as lab:
        await lab.paid()
        asked = b"".join(lab.dialect.asked)  # type: ignore[attr-defined]

        assert lab.order().payer_identity == "12345678901"
        assert b"12345678901" not in asked
        assert b"12345678901" not in repr(lab.order()).encode()
        assert (b"9876543210" in asked) is (name != "phonepe")


async def test_razorpay_is_silent_for_ten_minutes_and_keeps_asking_for_three_days(
    http: ProviderHttp,
) -> None:
    """`payment_timed_out` is no refusal: the bank may still say yes, and then the money is here."""
    async with razorpay_laboratory(http) as lab:
        await lab.start()
        await lab.advance(minutes=11)
        silent = await lab.connector.look_up("payment7")
        (order,) = lab.dialect.orders.values()
        lab.dialect.pay(order, "success")
        late = await lab.connector.look_up("payment7")

        assert (silent.kind, silent.detail) == (Kind.WAITING, "payment_timed_out")
        assert lab.told_kinds() == [Kind.WAITING]
        assert late.kind is Kind.CAPTURED


async def test_razorpay_orders_of_one_reference_are_one_to_us(http: ProviderHttp) -> None:
    """Two starts at one moment may open two orders; whichever is paid, the money is found."""
    async with razorpay_laboratory(http) as lab:
        await lab.start()
        order = next(iter(lab.dialect.orders.values()))
        twin = lab.dialect.open("order_twin", "payment7", 40971, order.ends_at)
        lab.dialect.begin(twin)
        lab.dialect.pay(twin, "success")

        assert (await lab.connector.look_up("payment7")).kind is Kind.CAPTURED


@pytest.mark.parametrize("reason", ["deemed_transaction", "payment_pending", None])
async def test_a_razorpay_failure_that_is_none_is_unknown(
    http: ProviderHttp, reason: str | None
) -> None:
    async with razorpay_laboratory(http) as lab:
        event = recording("razorpay", "event")
        payment = event["payload"]["payment"]["entity"] | {
            "status": "failed",
            "captured": False,
            "error_reason": reason,
            "created_at": int(lab.order().expires_at.timestamp()) - 600,
        }
        body = encoded(event | {"payload": {"payment": {"entity": payment}}})

        (notice,) = lab.connector.read_notice(lab.signed(body), body)

        assert notice.outcome
        assert notice.outcome.kind is Kind.UNKNOWN


async def test_razorpay_speaks_of_payments_that_are_not_ours(http: ProviderHttp) -> None:
    async with razorpay_laboratory(http) as lab:
        event = recording("razorpay", "event")
        payment = event["payload"]["payment"]["entity"] | {"notes": []}
        body = encoded(event | {"payload": {"payment": {"entity": payment}}})

        assert list(lab.connector.read_notice(lab.signed(body), body)) == []


@pytest.mark.parametrize(("number", "paise"), [(409.71, 40971), (0.1, 10), (4, 400), (1e2, 10000)])
async def test_cashfree_numbers_are_exact_paise(
    http: ProviderHttp, number: float, paise: int
) -> None:
    payment = recording("cashfree", "payment") | {"payment_amount": number}
    order = recording("cashfree", "order") | {"order_status": "PAID"}
    script = {"GET /payments": encoded([payment]), "GET /orders": encoded(order)}
    async with serving([scripted(script)]) as address:
        outcome = await Cashfree(http, address, "id", "secret", "9999999999").look_up("payment7")

    assert (outcome.kind, outcome.amount) == (Kind.CAPTURED, Money(paise, INR))


async def test_a_cashfree_payment_that_hangs_after_its_order_ended_is_given_up(
    http: ProviderHttp,
) -> None:
    async with cashfree_laboratory(http) as lab:
        await lab.pay(await lab.start(), "pending")
        await lab.advance(minutes=20)
        hanging = await lab.connector.look_up("payment7")
        lab.dialect.forget()
        await lab.advance(days=3)

        assert hanging.kind is Kind.WAITING
        assert (await lab.connector.look_up("payment7")).kind is Kind.EXPIRED


async def test_phonepe_gets_a_new_token_when_the_old_one_is_not_taken(http: ProviderHttp) -> None:
    async with phonepe_laboratory(http) as lab:
        await lab.start("payment1")
        await lab.start("payment2")
        tokens = sum(b"/oauth/token" in asked for asked in lab.dialect.asked)
        assert isinstance(lab.dialect, PhonePeDialect)
        lab.dialect.revoke()
        outcome = await lab.connector.start(lab.order("payment3"))

        assert tokens == 1
        assert outcome.kind is Kind.WAITING
        assert sum(b"/oauth/token" in asked for asked in lab.dialect.asked) == 2


async def test_phonepe_money_that_is_in_doubt_is_not_refused(http: ProviderHttp) -> None:
    """`FAILED` with a code that leaves the debit open is unknown, for three days after the end."""
    async with phonepe_laboratory(http) as lab:
        await lab.pay(await lab.start(), "deemed")
        at_once = await lab.connector.look_up("payment7")
        await lab.advance(days=2)
        later = await lab.connector.look_up("payment7")
        await lab.advance(days=2)

        assert at_once.kind is later.kind is Kind.UNKNOWN
        assert (await lab.connector.look_up("payment7")).kind is Kind.EXPIRED


async def test_a_refusal_says_at_whose_desk_and_how_far(http: ProviderHttp) -> None:
    async with razorpay_laboratory(http) as lab:
        await lab.pay(await lab.start(), "bank_unavailable")
        refused = await lab.connector.look_up("payment7")

    assert (refused.reason, refused.source, refused.step, refused.detail) == (
        Reason.BANK_UNAVAILABLE,
        Source.BANK,
        Step.DEBIT,
        "bank_technical_error",
    )


def test_no_code_means_two_things() -> None:
    assert npci.IN_DOUBT.isdisjoint(npci.CODES)
    assert {failure.reason for failure in npci.CODES.values()} <= set(Reason)
    assert "payment_timed_out" not in razorpay.CODES


@pytest.mark.parametrize("name", LABORATORIES)
def test_a_missing_key_is_named(name: str, http: ProviderHttp) -> None:
    with pytest.raises(Misconfigured, match=f"the configuration of {name} needs "):
        find(upi)[name](http, {})
