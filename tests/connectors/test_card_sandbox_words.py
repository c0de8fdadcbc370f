"""What the sandbox's card connector believes, and what it does not."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from nonstopay.connectors.base import UnverifiedNotice
from nonstopay.connectors.card.sandbox import SandboxCard, connect
from nonstopay.connectors.http import ProviderHttp
from nonstopay.connectors.outcome import Kind
from nonstopay.errors import Misconfigured
from tests.connectors.card_sandbox_laboratory import (
    API_KEY,
    NOTICE_SECRET,
    CardLaboratory,
    dollars,
    paid,
)
from tests.connectors.serving import answering, serving

PAYMENT = {
    "id": "NSC1",
    "reference": "payment7",
    "status": "captured",
    "amount": "15.04",
    "authorised": "15.04",
    "captured": "15.04",
    "voided": "0.00",
    "currency": "USD",
    "authentication": "none",
    "at": "2026-11-22T10:00:00+00:00",
}
ACT = {
    "kind": "refund",
    "key": "refund1",
    "id": "NSR1",
    "amount": "1.00",
    "currency": "USD",
    "at": "2026-11-22T10:00:00+00:00",
}


@pytest.mark.parametrize(
    "change",
    [
        {"status": "settled"},
        {"status": "CAPTURED"},
        {"status": None},
        {"status": "requires_authentication"},
        {"captured": "15.0400001"},
        {"captured": 15.04},
        {"captured": "-15.04"},
        {"currency": "XYZ"},
        {"reference": "payment8"},
        {"authentication": "blessed"},
        {"at": "yesterday"},
    ],
    ids=str,
)
async def test_words_that_are_not_in_the_documents_are_unknown(
    http: ProviderHttp, change: dict[str, Any]
) -> None:
    async with serving([answering(msgspec.json.encode(PAYMENT | change))]) as address:
        connector = SandboxCard(http, address, API_KEY, NOTICE_SECRET)
        assert (await connector.look_up(paid())).kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "void"},
        {"key": "refund2"},
        {"amount": "2.00"},
        {"amount": "1e2"},
        {"currency": "EUR"},
    ],
    ids=str,
)
async def test_another_refund_than_was_asked_is_unknown(
    http: ProviderHttp, change: dict[str, Any]
) -> None:
    async with serving([answering(msgspec.json.encode(ACT | change), 201)]) as address:
        connector = SandboxCard(http, address, API_KEY, NOTICE_SECRET)
        assert (await connector.refund(paid(), "refund1", dollars(100))).kind is Kind.UNKNOWN


async def test_only_the_bank_is_believed(cards: CardLaboratory) -> None:
    body = msgspec.json.encode({"event": "payment.captured", "payment": PAYMENT})
    true = cards.signed(body)
    (header,) = true
    forgeries = [
        ({}, body),
        ({header: ""}, body),
        ({header: true[header].replace("v1=", "v1=0")}, body),
        ({header: true[header] + "é"}, body),
        (true, body + b" "),
        (cards.signed(body, ago=timedelta(minutes=6)), body),
        (cards.signed(body, ago=timedelta(minutes=-6)), body),
    ]

    for headers, said in forgeries:
        with pytest.raises(UnverifiedNotice):
            cards.connector.read_notice(headers, said)
    (notice,) = cards.connector.read_notice(true, body)
    assert notice.outcome is not None
    assert notice.outcome.kind is Kind.CAPTURED


async def test_a_signed_notification_of_something_unheard_of_says_nothing(
    cards: CardLaboratory,
) -> None:
    for body in (b"", b"{}", b"[1]"):
        assert list(cards.connector.read_notice(cards.signed(body), body)) == []


async def test_it_is_made_from_its_section(http: ProviderHttp) -> None:
    options = {"url": "http://127.0.0.1:1/", "api_key": "k", "notice_secret": "s"}

    assert connect(http, options).name == "card_sandbox"
    for missing in options:
        with pytest.raises(Misconfigured, match=missing):
            connect(http, options | {missing: ""})
