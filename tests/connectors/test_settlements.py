"""What providers settled, line by line, from answers as their documents show them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.settlements import Line, LineKind, SettlementSource, cashfree, razorpay
from nonstopay.errors import Misconfigured, ProviderUnavailable
from nonstopay.money import Money, fiat
from tests.connectors.serving import answering, serving

RECORDINGS = Path(__file__).parent / "recordings"
DAY = date(2026, 11, 22)
INR = fiat("INR")
OPTIONS = {
    "razorpay": {"key_id": "rzp_test_1", "key_secret": "secret"},
    "cashfree": {"client_id": "TEST1", "client_secret": "secret"},
}
Connect = Callable[[ProviderHttp, Mapping[str, str]], SettlementSource]
CONNECT: dict[str, Connect] = {"razorpay": razorpay.connect, "cashfree": cashfree.connect}
RAZORPAY = Line(
    kind=LineKind.PAYMENT,
    word="payment",
    reference="NSP7X1234567890",
    provider_reference="pay_DEXrnipqTmWVGE",
    payment=None,
    settlement="setl_DGlQ1Rj8os78Ec",
    utr="1568176960vxp0rj",
    gross=Money(100000, INR),
    fee=Money(2458, INR),
    tax=Money(442, INR),
    net=Money(97100, INR),
    settled_at=datetime(2019, 9, 11, 4, 42, 40, tzinfo=UTC),
)
CASHFREE = Line(
    kind=LineKind.PAYMENT,
    word="PAYMENT",
    reference="NSP7X1234567890",
    provider_reference="5114910810523",
    payment=None,
    settlement="4234233",
    utr="AXISCN1169361047",
    gross=Money(40971, INR),
    fee=Money(820, INR),
    tax=Money(147, INR),
    net=Money(40004, INR),
    settled_at=datetime(2026, 11, 22, 6, 15, 24, tzinfo=UTC),
)


def recording(provider: str) -> bytes:
    return (RECORDINGS / provider / "settlements.json").read_bytes()


async def settled(provider: str, http: ProviderHttp, *routes: Route) -> list[Line]:
    async with serving(routes) as address:
        source = CONNECT[provider](http, OPTIONS[provider] | {"url": address})
        assert source.name == provider
        return list(await source.settled(DAY))


async def test_razorpays_lines_are_read_exactly(http: ProviderHttp) -> None:
    payment, refund, transfer = await settled("razorpay", http, answering(recording("razorpay")))

    assert payment == RAZORPAY
    assert refund == replace(
        RAZORPAY,
        kind=LineKind.REFUND,
        word="refund",
        reference=None,
        provider_reference="rfnd_DGRcGzZSLyEdg1",
        payment="pay_DEXq1pACSqFxtS",
        gross=Money(242500, INR),
        fee=Money(0, INR),
        tax=Money(0, INR),
        net=Money(-242500, INR),
    )
    assert (transfer.kind, transfer.word) == (LineKind.OTHER, "transfer")
    assert transfer.net == Money(-100296, INR)
    assert payment.adds_up
    assert refund.adds_up


async def test_cashfrees_lines_are_read_exactly(http: ProviderHttp) -> None:
    payment, refund, other = await settled("cashfree", http, answering(recording("cashfree")))

    assert payment == CASHFREE
    assert refund == replace(
        CASHFREE,
        kind=LineKind.REFUND,
        word="REFUND",
        reference="NSP6X1234567890",
        provider_reference="43601",
        payment="5114910810001",
        gross=Money(20000, INR),
        fee=Money(0, INR),
        tax=Money(0, INR),
        net=Money(-20000, INR),
    )
    assert (other.kind, other.word, other.reference) == (LineKind.OTHER, "OTHER_ADJUSTMENT", None)
    assert other.net == Money(-350, INR)
    assert payment.adds_up
    assert refund.adds_up


async def test_razorpay_is_asked_for_the_day_page_by_page(http: ProviderHttp) -> None:
    asked: list[Mapping[str, str]] = []
    [item, *_] = msgspec.json.decode(recording("razorpay"))["items"]

    async def answer(request: Request) -> Response:
        asked.append(dict(request.query_params))
        assert request.url.path == "/settlements/recon/combined"
        assert request.headers["authorization"].startswith("Basic ")
        left = max(0, 150 - int(request.query_params["skip"]))
        return Response(msgspec.json.encode({"items": [item] * min(left, 100)}))

    lines = await settled("razorpay", http, Route("/{path:path}", answer))

    assert len(lines) == 150
    day = {"year": "2026", "month": "11", "day": "22", "count": "100"}
    assert asked == [day | {"skip": "0"}, day | {"skip": "100"}]


async def test_cashfree_is_asked_for_the_indian_day_until_the_cursor_ends(
    http: ProviderHttp,
) -> None:
    asked: list[Any] = []
    said = msgspec.json.decode(recording("cashfree"))

    async def answer(request: Request) -> Response:
        asked.append(msgspec.json.decode(await request.body()))
        assert request.url.path == "/settlement/recon"
        assert request.headers["x-api-version"] == "2025-01-01"
        cursor = "next" if len(asked) == 1 else None
        return Response(msgspec.json.encode(said | {"cursor": cursor}))

    lines = await settled("cashfree", http, Route("/{path:path}", answer, methods=["POST"]))

    assert len(lines) == 6
    assert [one["pagination"]["cursor"] for one in asked] == [None, "next"]
    assert asked[0]["filters"] == {
        "start_date": "2026-11-22T00:00:00+05:30",
        "end_date": "2026-11-22T23:59:59+05:30",
    }


@pytest.mark.parametrize("provider", CONNECT)
@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b""), (401, b"{}"), (302, b""), (200, b"maintenance"), (200, b'{"items":7,"data":7}')],
)
async def test_half_a_report_is_none(
    http: ProviderHttp, provider: str, status: int, body: bytes
) -> None:
    with pytest.raises(ProviderUnavailable, match=provider):
        await settled(provider, http, answering(body, status))


@pytest.mark.parametrize(
    ("provider", "true", "false"),
    [
        ("razorpay", b'"amount": 100000', b'"amount": 1000.5'),
        ("razorpay", b'"amount": 100000', b'"amount": "100000"'),
        ("razorpay", b'"currency": "INR"', b'"currency": "MYR"'),
        ("razorpay", b'"settled_at": 1568176960', b'"settled_at": null'),
        ("cashfree", b'"event_amount": 409.71', b'"event_amount": 409.715'),
        ("cashfree", b'"event_amount": 409.71', b'"event_amount": "409.71"'),
        ("cashfree", b'"event_amount": 409.71', b'"event_amount": true'),
        ("cashfree", b'"event_settlement_amount": 400.04', b'"event_settlement_amount": null'),
        ("cashfree", b'"sale_type": "CREDIT"', b'"sale_type": "BARTER"'),
        ("cashfree", b'"settlement_date": "2026', b'"settlement_date": "tomorrow'),
    ],
)
async def test_nothing_of_a_report_that_cannot_be_read_is_used(
    http: ProviderHttp, provider: str, true: bytes, false: bytes
) -> None:
    body = recording(provider)
    assert true in body
    with pytest.raises(ProviderUnavailable, match=provider):
        await settled(provider, http, answering(body.replace(true, false, 1)))


async def test_a_cursor_that_stands_still_is_no_end(http: ProviderHttp) -> None:
    said = msgspec.json.decode(recording("cashfree")) | {"cursor": "again"}
    with pytest.raises(ProviderUnavailable, match="end"):
        await settled("cashfree", http, answering(msgspec.json.encode(said)))


def test_a_line_that_does_not_add_up_is_seen() -> None:
    assert not replace(RAZORPAY, net=Money(97101, INR)).adds_up


@pytest.mark.parametrize("provider", CONNECT)
def test_a_missing_key_is_named(http: ProviderHttp, provider: str) -> None:
    for key in OPTIONS[provider]:
        with pytest.raises(Misconfigured, match=key):
            CONNECT[provider](http, OPTIONS[provider] | {key: ""})
