"""The one policy for coins that came other than asked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonstopay.business.deposits.deposit import Deposit
from nonstopay.business.deposits.states import State as DepositState
from nonstopay.business.invoices.states import State as InvoiceState
from nonstopay.business.merchants.merchant import LateSuccess
from nonstopay.business.payments.crypto.policy import Case, Choice, Policy, judge
from nonstopay.business.payments.crypto.refund import Refund
from nonstopay.business.payments.crypto.tally import assign, tally
from nonstopay.business.payments.payment import Payment
from nonstopay.business.payments.states import Event, State
from nonstopay.money import Money, coin, fiat

USDT = coin("USDT_polygon", 6)
BEGAN = datetime(2026, 5, 4, 12, tzinfo=UTC)
LOCK = timedelta(minutes=30)
ASKED = 10_000_000


def payment(**more: object) -> Payment:
    nothing = Money(0, fiat("USD"))
    made = Payment(
        merchant_id=1,
        id=1,
        invoice_id=1,
        method="CRYPTO",
        connector="chain_polygon",
        reference="NSP1D1",
        state=State.WAITING,
        version=1,
        direct=False,
        amount=Money(1000, fiat("USD")),
        charged=Money(ASKED, USDT),
        authorised=nothing,
        captured=nothing,
        voided=nothing,
        refunded=nothing,
        by_hand=False,
        rate=Decimal(1),
        rate_source="par",
        rate_at=BEGAN,
        provider_reference=None,
        network_reference=None,
        link=None,
        reason=None,
        started_at=BEGAN,
        state_at=BEGAN,
        expires_at=BEGAN + LOCK,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def deposit(
    units: int, minutes: float = 1, state: DepositState = DepositState.CONFIRMED
) -> Deposit:
    at = BEGAN + timedelta(minutes=minutes)
    return Deposit(
        network="polygon",
        coin=USDT.code,
        contract="0x",
        transaction=f"0x{units}{minutes}",
        place=0,
        block_number=1,
        block_hash="0x1",
        address="0xA",
        merchant_id=1,
        invoice_id=1,
        amount=Money(units, USDT),
        confirmations=1,
        needed=3,
        needs_final=False,
        witnesses=1,
        state=state,
        seen_at=at,
        state_at=at,
    )


def case(*deposits: Deposit, minutes: float = 5, **more: object) -> Case:
    """The case of a payment of ten dollars, so many minutes after it began."""
    one = payment()
    made = Case(
        payment=one,
        invoice=InvoiceState.OPENED,
        tally=tally(one, deposits, []),
        policy=Policy(),
        late=LateSuccess.REFUND,
        today=one.charged,
        lifetime=LOCK,
        at=BEGAN + timedelta(minutes=minutes),
    )
    return replace(made, **more)  # type: ignore[arg-type]


GENEROUS = Policy(under=Choice.CREDIT, over=Choice.CREDIT)
SEEN = DepositState.SEEN


@pytest.mark.parametrize(
    ("judged", "event", "credited"),
    [
        (case(), Event.WAITING, None),
        (case(minutes=31), Event.EXPIRED, None),
        (case(deposit(ASKED)), Event.CREDIT, 1000),
        (case(deposit(ASKED, state=SEEN)), Event.PROCESSING, None),
        (case(deposit(ASKED), deposit(1, state=SEEN)), Event.CREDIT, 1000),
        (case(deposit(4_000_000)), Event.WAITING, None),
        (case(deposit(4_000_000), minutes=30.5), Event.WAITING, None),  # it gave as much time again
        (case(deposit(4_000_000), minutes=32), Event.EXPIRED, None),
        (case(deposit(4_000_000), minutes=32, policy=GENEROUS), Event.CREDIT, 400),
        (case(deposit(4_000_000), deposit(6_000_000)), Event.CREDIT, 1000),
        (case(deposit(9_950_000)), Event.CREDIT, 995),
        (case(deposit(9_949_999)), Event.WAITING, None),
        (case(deposit(15_000_000)), Event.CREDIT, 1000),
        (case(deposit(15_000_000), policy=GENEROUS), Event.CREDIT, 1500),
        (case(deposit(ASKED, 40), minutes=41), Event.EXPIRED, None),
        (case(deposit(ASKED, 40), minutes=41, late=LateSuccess.CREDIT), Event.CREDIT, 1000),
        (case(deposit(ASKED, 40), minutes=41, late=LateSuccess.CREDIT, today=None), Event.EXPIRED, None),
        (case(deposit(ASKED), invoice=InvoiceState.AWAITING_APPROVAL), Event.WAITING, None),
        (case(deposit(ASKED), invoice=InvoiceState.EXPIRED), Event.WAITING, None),
        (case(deposit(ASKED), invoice=InvoiceState.EXPIRED, late=LateSuccess.CREDIT), Event.CREDIT, 1000),
        (case(deposit(ASKED, state=DepositState.GONE)), Event.WAITING, None),
        (case(deposit(ASKED, state=DepositState.IGNORED)), Event.WAITING, None),
    ],
)  # fmt: skip
def test_each_case_ends_as_the_table_says(judged: Case, event: Event, credited: int | None) -> None:
    verdict = judge(judged)

    assert verdict.event is event
    assert (verdict.credited.minor if verdict.credited else None) == credited


def test_what_came_late_is_worth_what_it_is_worth_today() -> None:
    late = case(deposit(ASKED, 40), minutes=41, late=LateSuccess.CREDIT)

    dearer = judge(replace(late, today=Money(ASKED * 2, USDT)))
    cheaper = judge(replace(late, today=Money(ASKED // 2, USDT)))

    assert dearer.event is Event.EXPIRED, "the coin has fallen: it is too little by now"
    assert cheaper.accepted == Money(ASKED // 2, USDT), "it has risen: the rest stays the payer's"


def test_what_went_back_does_not_count_again() -> None:
    one = payment()
    refund = Refund(
        merchant_id=1, id=1, invoice_id=1, payment_id=1, network="polygon", attempt=1,
        amount=Money(4_000_000, USDT), address="0xB", tx_hash=None, asked_at=BEGAN,
    )  # fmt: skip
    came = tally(one, [deposit(4_000_000), deposit(6_000_000)], [refund])

    assert judge(case(tally=came)).event is Event.WAITING


@given(st.lists(st.integers(1, 20_000_000), max_size=5), st.sampled_from([Policy(), GENEROUS]))
def test_nobody_is_credited_more_than_came(units: list[int], policy: Policy) -> None:
    """In dollars at par, and never a cent more; what is accepted came."""
    judged = case(
        *(deposit(one, minutes=number) for number, one in enumerate(units)), policy=policy
    )
    verdict = judge(judged)

    if verdict.event is Event.CREDIT:
        assert verdict.accepted is not None
        assert verdict.credited is not None
        assert verdict.accepted.minor <= sum(units)
        assert verdict.credited.minor * 10_000 <= verdict.accepted.minor


def test_a_deposit_belongs_to_the_attempt_that_the_payer_saw() -> None:
    first, second = payment(), payment(id=2, started_at=BEGAN + timedelta(minutes=40))
    early, late = deposit(1, minutes=5), deposit(2, minutes=45)
    other = replace(deposit(3), coin="USDC_bsc")

    of, strays = assign([first, second], [early, late, other])

    assert of == {1: [early], 2: [late]}
    assert strays == [other]
