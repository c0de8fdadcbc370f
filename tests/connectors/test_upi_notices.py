"""One suite for every UPI connector: a notification is the provider's own words, or refused."""

from datetime import timedelta

import pytest

from nonstopay.connectors.base import UnverifiedNotice
from nonstopay.connectors.outcome import Kind
from nonstopay.money import fiat
from tests.connectors.upi_laboratory import Laboratory

INR = fiat("INR")


async def test_a_notification_told_twice_reads_alike(lab: Laboratory) -> None:
    uri = await lab.start()
    await lab.fault("double_answer")
    await lab.pay(uri, "success")
    await lab.settle()

    first, second = lab.told
    assert first == second


async def test_a_changed_notification_is_refused(lab: Laboratory) -> None:
    await lab.paid()
    ((headers, body),) = lab.heard
    changed = body.replace(b"409.71", b"909.71")

    assert changed != body
    with pytest.raises(UnverifiedNotice):
        lab.connector.read_notice(headers, changed)


async def test_no_byte_of_a_notification_can_be_changed(lab: Laboratory) -> None:
    await lab.paid()
    ((headers, body),) = lab.heard

    for place in range(len(body)):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        with pytest.raises(UnverifiedNotice):
            lab.connector.read_notice(headers, changed)


async def test_a_forged_notification_is_refused(lab: Laboratory) -> None:
    body = lab.words.notification
    true = lab.signed(body)
    forgeries = [
        {},
        dict.fromkeys(true, ""),
        {name: text.replace("v1=", "v0=") for name, text in true.items()},
        {name: text[:-1] + ("0" if text[-1] != "0" else "1") for name, text in true.items()},
        {name: text.replace("t=", "t=1") for name, text in true.items()},
        {name: text + "é" for name, text in true.items()},
        dict.fromkeys(true, "t=٣,v1=" + "0" * 64),
    ]

    assert lab.connector.read_notice(true, body)
    for headers in forgeries:
        with pytest.raises(UnverifiedNotice):
            lab.connector.read_notice(headers, body)


@pytest.mark.parametrize("ago", [timedelta(minutes=6), timedelta(minutes=-6)])
async def test_a_notification_of_another_time_is_refused(lab: Laboratory, ago: timedelta) -> None:
    body = lab.words.notification

    with pytest.raises(UnverifiedNotice):
        lab.connector.read_notice(lab.signed(body, ago), body)


async def test_an_undocumented_notification_is_unknown(lab: Laboratory) -> None:
    body = lab.words.undocumented_notification

    (notice,) = lab.connector.read_notice(lab.signed(body), body)

    assert (notice.reference, notice.outcome.kind) == ("payment7", Kind.UNKNOWN)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"event":"ping"}', b"\xff"])
async def test_a_signed_notification_about_nothing_says_nothing(
    lab: Laboratory, body: bytes
) -> None:
    assert list(lab.connector.read_notice(lab.signed(body), body)) == []


async def test_a_notification_is_repeated_until_it_is_heard(lab: Laboratory) -> None:
    uri = await lab.start()
    lab.deaf = True
    await lab.pay(uri, "success")
    await lab.settle()
    await lab.advance(seconds=5)
    lab.deaf = False
    await lab.advance(seconds=15)
    await lab.advance(minutes=10)

    (notice,) = lab.told
    assert notice.outcome.kind is Kind.CAPTURED
