"""One suite for every card connector: a notification is the provider's own words, or refused."""

from datetime import timedelta

import pytest

from nonstopay.connectors.base import UnverifiedNotice
from nonstopay.connectors.outcome import DisputeStage, Kind
from nonstopay.money import Money
from tests.connectors.cards.laboratory import EUR, WHOLE, CardLaboratory


async def test_a_notification_told_twice_reads_alike(lab: CardLaboratory) -> None:
    lab.dialect.mode = "double_answer"
    await lab.taken(capture=False)

    first, second = lab.told
    assert first == second


async def test_notifications_may_come_in_any_order(lab: CardLaboratory) -> None:
    """Each says by itself what it is about; none needs the one before."""
    await lab.taken()
    await lab.settled(lambda: lab.connector.refund(lab.paid, "refund1", Money(100, EUR)))
    in_order = list(lab.told)

    again = [lab.connector.read_notice(headers, body)[0] for headers, body in reversed(lab.heard)]

    assert again == in_order[::-1]


async def test_a_changed_notification_is_refused(lab: CardLaboratory) -> None:
    await lab.taken()
    headers, body = lab.heard[-1]
    for old, new in ((b"40971", b"10971"), (b"payment7", b"payment8")):
        assert old in body
        with pytest.raises(UnverifiedNotice):
            lab.connector.read_notice(headers, body.replace(old, new))


async def test_a_forged_notification_is_refused(lab: CardLaboratory) -> None:
    await lab.taken()
    headers, body = lab.heard[-1]
    name, true = _signature(lab, headers, body)
    assert lab.connector.read_notice(headers, body)
    for forged in ("", true[:-6] + "abcdef", "0" + true, true + "é", "v1=", "t=1,v1="):
        told = headers | {name: forged} if name in headers else headers
        said = body if name in headers else body.replace(true.encode(), forged.encode())
        with pytest.raises(UnverifiedNotice):
            lab.connector.read_notice(told, said)


@pytest.mark.parametrize("minutes", [6, -6])
async def test_a_notification_of_another_time_is_refused(lab: CardLaboratory, minutes: int) -> None:
    await lab.taken()
    said = lab.dialect.letter("declined" if lab.pay.reason else "authorised", lab.pay)
    said = said or lab.dialect.letter("captured", lab.pay)
    old = lab.notice(said, timedelta(minutes=minutes))

    if not lab.manners.signs_time:
        assert old == lab.notice(said)
        return
    assert lab.connector.read_notice(*lab.notice(said, timedelta(minutes=4)))
    with pytest.raises(UnverifiedNotice):
        lab.connector.read_notice(*old)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"event":"ping"}', b"\xff"])
async def test_a_body_of_another_shape_says_nothing(lab: CardLaboratory, body: bytes) -> None:
    try:
        assert list(lab.connector.read_notice({}, body)) == []
    except UnverifiedNotice:
        return


async def test_every_stage_of_a_dispute_is_told(lab: CardLaboratory) -> None:
    await lab.taken()

    for word, stage in lab.manners.stages.items():
        (notice,) = lab.read(lab.dialect.dispute(lab.pay, word))

        assert lab.pay.id == notice.provider_reference
        outcome = notice.outcome
        assert outcome
        assert outcome.dispute
        assert (outcome.kind, outcome.amount) == (Kind.DISPUTED, WHOLE)
        assert outcome.dispute.stage is DisputeStage(stage)
        assert outcome.dispute.reason == "10.4"
        assert outcome.dispute.reference
        assert outcome.dispute.answer_by
        assert outcome.dispute.answer_by.year == 2026


async def test_a_refund_at_the_providers_desk_has_a_name_and_no_key_of_ours(
    lab: CardLaboratory,
) -> None:
    await lab.taken()

    lab.dialect.give(lab.pay, "", 100)
    await lab.dialect.settle()

    notice = lab.told[-1]
    assert notice.key is None
    assert notice.reference == "payment7" or notice.provider_reference == lab.pay.id
    assert notice.outcome
    assert (notice.outcome.kind, notice.outcome.amount) == (Kind.REFUNDED, Money(100, EUR))
    assert notice.outcome.provider_reference not in (None, lab.pay.id)


async def test_news_of_things_we_do_not_follow_says_nothing(lab: CardLaboratory) -> None:
    await lab.taken()
    said = lab.dialect.dispute(lab.pay, "REPORT_AVAILABLE")
    if isinstance(said, dict) and "type" in said:
        said["type"] = "payout.paid"

    assert lab.read(said) == []


def _signature(lab: CardLaboratory, headers: dict[str, str], body: bytes) -> tuple[str, str]:
    """Where the signature stands, and what it is."""
    for name in ("stripe-signature", "cko-signature"):
        if name in headers:
            return name, headers[name]
    _, _, rest = body.decode().partition('"hmacSignature":"')
    return "", rest.partition('"')[0]
