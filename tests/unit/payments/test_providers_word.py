"""What a provider says is believed as far as it can be: its link, its UTR; and what it is told."""

from dataclasses import replace

import pytest

from nonstopay import clock
from nonstopay.business.invoices.invoice import identity_context
from nonstopay.business.payments.states import State
from nonstopay.connectors.outcome import Kind, Outcome
from nonstopay.store.seal import Sealer
from tests.unit.payments.counter import Bank, Counter, outcome

UTR = "632600000001"


async def test_one_utr_pays_one_payment(counter: Counter, caplog: pytest.LogCaptureFixture) -> None:
    """The same transfer named for another payment earns nobody anything; it is in doubt."""
    first = await counter.attempt(await counter.invoice())
    second = await counter.attempt(await counter.invoice())
    await counter.hear(first, Kind.CAPTURED, network_reference=UTR)

    first = await counter.hear(first, Kind.CAPTURED, network_reference=UTR)
    second = await counter.hear(second, Kind.CAPTURED, network_reference=UTR)

    assert (first.state, second.state) == (State.CAPTURED, State.UNKNOWN)
    assert second.network_reference is None
    assert await counter.movements() == ["capture"]
    assert "a UTR that paid another payment" in caplog.text


async def test_the_true_utr_settles_it(counter: Counter) -> None:
    first = await counter.attempt(await counter.invoice())
    second = await counter.attempt(await counter.invoice())
    await counter.hear(first, Kind.CAPTURED, network_reference=UTR)
    await counter.hear(second, Kind.CAPTURED, network_reference=UTR)

    second = await counter.hear(second, Kind.CAPTURED, network_reference="632600000002")

    assert second.state is State.CAPTURED
    assert await counter.movements() == ["capture", "capture"]


@pytest.mark.parametrize(
    "link",
    [
        "https://pay.example.com/",
        "upi://pay?pa=shop@bank&pn=Shop&tr=1&am=1.00&cu=INR",
        "upi://pay?pa=shop@bank&pn=Shop&am=409.71&cu=INR",
    ],
)
async def test_a_link_that_cannot_be_paid_rightly_is_shown_to_nobody(
    counter: Counter, link: str, caplog: pytest.LogCaptureFixture
) -> None:
    counter.rails = replace(counter.rails, upi={"bank": _Linking(link)})

    payment = await counter.attempt(await counter.invoice())

    assert (payment.state, payment.link) == (State.STARTING, None)
    assert "cannot be paid" in caplog.text


async def test_a_lost_link_ends_the_attempt_and_the_payer_gets_another(counter: Counter) -> None:
    ended = _Ended()
    counter.rails = replace(counter.rails, upi={"bank": ended})
    invoice = await counter.invoice()

    first = await counter.attempt(invoice)
    second = await counter.attempt(invoice, after=first.id)

    assert first.state is State.EXPIRED
    assert first.id != second.id


async def test_the_provider_is_told_what_is_known_of_the_payer(counter: Counter) -> None:
    sealer = Sealer([bytes(range(32))])
    sealed = sealer.seal(b"12345678901", identity_context(counter.merchant.id))
    counter.rails = replace(counter.rails, sealer=sealer)
    details = '{"name":"Asha Rao","phone":"+919876543210"}'

    await counter.attempt(await counter.invoice(payer=details, personal_id_sealed=sealed))

    (order,) = counter.bank.orders
    assert (order.payer_name, order.payer_phone) == ("Asha Rao", "+919876543210")
    assert (order.payer_email, order.payer_identity) == ("payer@example.com", "12345678901")
    assert "12345678901" not in repr(order)


class _Linking(Bank):
    def __init__(self, link: str) -> None:
        super().__init__()
        self._link = link

    async def start(self, order: object) -> Outcome:
        return outcome(Kind.WAITING, link=self._link)


class _Ended(Bank):
    async def start(self, order: object) -> Outcome:
        return Outcome(kind=Kind.EXPIRED, at=clock.now(), detail="its link was lost")
