"""One suite for every UPI connector: what a provider fails to say is UNKNOWN, never declined."""

import pytest

from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind
from nonstopay.money import Money, fiat
from tests.connectors.laboratory import Laboratory, scripts
from tests.connectors.serving import answering, scripted, serving

INR = fiat("INR")


@pytest.mark.parametrize("mode", ["timeout", "error_500"])
async def test_no_answer_is_unknown_and_asking_again_makes_one_order(
    lab: Laboratory, hasty_http: ProviderHttp, mode: str
) -> None:
    hasty = lab.make(hasty_http, lab.address)
    await lab.fault(mode)
    unanswered = await hasty.start(lab.order())
    unseen = await hasty.look_up("payment7")
    await lab.fault("none")
    uri = await lab.start()
    await lab.pay(uri, "success")

    assert unanswered.kind is unseen.kind is Kind.UNKNOWN
    assert (await lab.connector.look_up("payment7")).kind is Kind.CAPTURED


async def test_a_start_whose_answer_was_lost_is_asked_again(
    lab: Laboratory, hasty_http: ProviderHttp
) -> None:
    """Where the link is given once, the order is over: nobody holds its link."""
    await lab.fault("lost_answer")
    lost = await lab.make(hasty_http, lab.address).start(lab.order())
    await lab.fault("none")
    again = await lab.connector.start(lab.order())

    assert lost.kind is Kind.UNKNOWN
    if lab.manners.link_again == "none":
        assert (again.kind, again.link) == (Kind.EXPIRED, None)
    else:
        await lab.pay(again.link or "", "success")
        assert (await lab.connector.look_up("payment7")).kind is Kind.CAPTURED


async def test_a_lost_answer_did_the_work(lab: Laboratory, hasty_http: ProviderHttp) -> None:
    await lab.fault("lost_answer")
    await lab.make(hasty_http, lab.address).start(lab.order())
    await lab.fault("none")

    assert (await lab.connector.look_up("payment7")).kind is Kind.WAITING


async def test_a_timeout_did_nothing(lab: Laboratory, hasty_http: ProviderHttp) -> None:
    await lab.fault("timeout")
    await lab.make(hasty_http, lab.address).start(lab.order())
    await lab.fault("none")

    assert (await lab.connector.look_up("payment7")).kind is Kind.UNKNOWN


async def test_a_provider_that_is_gone_is_unknown(lab: Laboratory, http: ProviderHttp) -> None:
    async with serving([]) as address:
        pass
    gone = lab.make(http, address)

    assert (await gone.start(lab.order())).kind is Kind.UNKNOWN
    assert (await gone.look_up("payment7")).kind is Kind.UNKNOWN
    assert (await gone.refund("payment7", "refund1", Money(100, INR))).kind is Kind.UNKNOWN


async def test_an_undocumented_answer_is_unknown(lab: Laboratory, http: ProviderHttp) -> None:
    """The documented answer, with one thing changed that its documents do not know."""
    async with serving([scripted(lab.words.captured)]) as address:
        documented = await lab.make(http, address).look_up("payment7")
    assert documented.kind is Kind.CAPTURED

    async with serving(scripts(lab.words.undocumented)) as address:
        for n, change in enumerate(lab.words.undocumented):
            connector = lab.make(http, f"{address}/{n}")
            heard = [await connector.look_up("payment7"), await connector.start(lab.order())]

            assert [outcome.kind for outcome in heard] == [Kind.UNKNOWN, Kind.UNKNOWN], change


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (502, b"<html>"),
        (302, b""),
        (204, b""),
        (200, b"[]"),
        (200, b"paid"),
        (200, b""),
    ],
)
async def test_an_answer_of_another_shape_is_unknown(
    lab: Laboratory, http: ProviderHttp, status: int, body: bytes
) -> None:
    async with serving([answering(body, status)]) as address:
        connector = lab.make(http, address)
        outcomes = [
            await connector.start(lab.order()),
            await connector.look_up("payment7"),
            await connector.refund("payment7", "refund1", Money(100, INR)),
        ]

    assert {outcome.kind for outcome in outcomes} == {Kind.UNKNOWN}


async def test_a_captured_order_with_an_error_status_is_unknown(
    lab: Laboratory, http: ProviderHttp
) -> None:
    async with serving([scripted(lab.words.captured, 500)]) as address:
        outcome = await lab.make(http, address).look_up("payment7")

    assert outcome.kind is Kind.UNKNOWN
