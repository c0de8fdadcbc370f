"""The European Central Bank's rates: its documented file, and nothing that only looks like it."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.rates import ecb
from nonstopay.errors import ProviderUnavailable
from tests.connectors.serving import answering, serving

RECORDING = (Path(__file__).parent / "recordings" / "eurofxref-daily.xml").read_bytes()


def test_the_daily_file_is_read_exactly() -> None:
    published = ecb.parse_daily(RECORDING)

    assert published.source == "ECB"
    assert published.at == datetime(2026, 10, 30, 15, tzinfo=UTC)
    assert published.rates["INR"] == Decimal("106.0840")
    assert published.rates["EUR"] == 1
    assert len(published.rates) == 8


async def test_the_daily_file_is_fetched(http: ProviderHttp) -> None:
    async with serving([answering(RECORDING)]) as address:
        published = await ecb.fetch_latest(http, f"{address}/eurofxref-daily.xml")

    assert published == ecb.parse_daily(RECORDING)


@pytest.mark.parametrize(("status", "body"), [(500, RECORDING), (302, b""), (200, b"maintenance")])
async def test_another_answer_is_no_publication(
    http: ProviderHttp, status: int, body: bytes
) -> None:
    async with serving([answering(body, status)]) as address:
        with pytest.raises(ProviderUnavailable, match="exchange rates"):
            await ecb.fetch_latest(http, address)


@pytest.mark.parametrize(
    ("true", "false"),
    [
        (b"rate='1.1172'", b"rate='0'"),
        (b"rate='1.1172'", b"rate='-1.1172'"),
        (b"rate='1.1172'", b"rate='1,1172'"),
        (b"rate='1.1172'", b"rate='NaN'"),
        (b"rate='1.1172'", b"rate='1e9'"),
        (b"rate='1.1172'", b""),
        (b"currency='USD'", b"currency='Usd'"),
        (b"time='2026-10-30'", b"time='30 October 2026'"),
        (b'eurofxref">', b'other">'),
        (b"</gesmes:Envelope>", b""),
        (b"<gesmes:Envelope", b"<!DOCTYPE x [<!ENTITY a 'b'>]><gesmes:Envelope"),
        (b"<gesmes:Envelope", b"<!DOCTYPE x><gesmes:Envelope"),
    ],
)
def test_nothing_of_a_broken_file_is_used(true: bytes, false: bytes) -> None:
    broken = RECORDING.replace(true, false)

    assert broken != RECORDING
    with pytest.raises(ProviderUnavailable):
        ecb.parse_daily(broken)


def test_the_shipped_history_is_recent_complete_and_in_order() -> None:
    shipped = ecb.read_shipped()

    assert len(shipped) == ecb.DAYS_SHIPPED
    assert [day.at for day in shipped] == sorted((day.at for day in shipped), reverse=True)
    assert all({"EUR", "USD", "GBP", "INR", "ZAR", "JPY"} <= day.rates.keys() for day in shipped)
    assert shipped[0].at.year >= 2026
