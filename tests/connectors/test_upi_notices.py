"""One suite for every UPI connector: a notification is the provider's own words, or refused."""

import pytest

from nonstopay.connectors.base import UnverifiedNotice
from nonstopay.connectors.outcome import Kind
from nonstopay.money import fiat
from tests.connectors.laboratory import Laboratory

INR = fiat("INR")


async def test_a_notification_told_twice_reads_alike(lab: Laboratory) -> None:
    uri = await lab.start()
    await lab.fault("double_answer")
    await lab.pay(uri, "success")
    await lab.settle()

    first, second = lab.told
    assert first == second


async def test_a_changed_notification_is_refused(lab: Laboratory) -> None:
    """Or it says nothing by itself: who does not sign his words is only asked because of them."""
    await lab.paid()
    ((headers, body),) = lab.heard
    changed = body.replace(lab.manners.amount, b"9" + lab.manners.amount)

    if not lab.manners.signs_words:
        assert [notice.outcome for notice in lab.connector.read_notice(headers, changed)] == [None]
        return
    assert changed != body
    with pytest.raises(UnverifiedNotice):
        lab.connector.read_notice(headers, changed)


async def test_no_byte_of_a_notification_can_be_changed(lab: Laboratory) -> None:
    await lab.paid()
    ((headers, body),) = lab.heard

    for place in range(len(body)):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        if lab.manners.signs_words:
            with pytest.raises(UnverifiedNotice):
                lab.connector.read_notice(headers, changed)
        else:
            notices = lab.connector.read_notice(headers, changed)
            assert all(notice.outcome is None for notice in notices)


async def test_a_forged_notification_is_refused(lab: Laboratory) -> None:
    body = lab.words.notification
    true = lab.signed(body)
    assert lab.connector.read_notice(true, body)
    for headers in lab.forgeries(true):
        with pytest.raises(UnverifiedNotice):
            lab.connector.read_notice(headers, body)


@pytest.mark.parametrize("sign", [1, -1])
async def test_a_notification_of_another_time_is_refused(lab: Laboratory, sign: int) -> None:
    body, ago = lab.words.notification, lab.manners.replay_window * sign

    if not lab.manners.signs_time:
        assert lab.signed(body, ago) == lab.signed(body)
        return
    with pytest.raises(UnverifiedNotice):
        lab.connector.read_notice(lab.signed(body, ago), body)


async def test_an_undocumented_notification_is_unknown(lab: Laboratory) -> None:
    body = lab.words.undocumented_notification

    (notice,) = lab.connector.read_notice(lab.signed(body), body)

    assert notice.reference == "payment7"
    assert notice.outcome is None or notice.outcome.kind is Kind.UNKNOWN
    assert (notice.outcome is None) is not lab.manners.signs_words


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
    assert notice.outcome
    assert notice.outcome.kind is Kind.CAPTURED
