"""An attempt is judged from what the database knows, and anybody can judge again from what was kept."""

from dataclasses import replace
from datetime import timedelta

import pytest

from nonstopay import clock
from nonstopay.business.risk import records
from nonstopay.business.risk.assess import assess
from nonstopay.business.risk.enter import enter, strike
from nonstopay.business.risk.entry import EVERYBODY, About, List
from nonstopay.business.risk.issuers import Issuers
from nonstopay.business.risk.limits import Limits, Policy
from nonstopay.business.risk.rules import VERSION, decide
from nonstopay.business.risk.verdict import Decision, Subject, Verdict
from nonstopay.errors import InvalidInput, NotFound
from nonstopay.store.db import Database

NARROW = Policy(
    Limits(card_per_hour=2, email_per_hour=3, address_per_hour=4, cards_per_email=2),
    {9: Limits()},
    Issuers({"424242": "US"}),
)
PUBLIC = "93.184.215.14"
PAYER = Subject(
    merchant_id=3,
    invoice_id=1,
    fingerprint=b"one card",
    first6="424242",
    email="asha@example.com",
    payer_ip=PUBLIC,
    payer_country="US",
)


class Desk:
    """Judges attempt after attempt."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.payments = 0

    async def judge(self, **more: object) -> Verdict:
        self.payments += 1
        subject = replace(PAYER, **more)  # type: ignore[arg-type]
        async with self.db.transaction() as tx:
            return await assess(tx, NARROW, subject, self.payments, clock.now())


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


async def test_a_card_on_invoice_after_invoice_is_looked_at_and_then_refused(desk: Desk) -> None:
    verdicts = [
        await desk.judge(invoice_id=number, email=f"{number}@example.com", payer_ip=None)
        for number in range(1, 8)
    ]

    assert [one.decision for one in verdicts] == [
        *[Decision.ALLOW] * 2,
        *[Decision.REVIEW] * 4,
        Decision.BLOCK,
    ]
    assert verdicts[2].reasons == ("card_often",)


async def test_trying_again_on_the_same_invoice_is_no_haste(desk: Desk) -> None:
    verdicts = [await desk.judge() for _ in range(6)]

    assert {one.decision for one in verdicts} == {Decision.ALLOW}


async def test_an_hour_later_it_is_forgotten(desk: Desk) -> None:
    for number in range(1, 4):
        await desk.judge(invoice_id=number)

    clock.move_to_offset(timedelta(hours=1, seconds=1))

    assert (await desk.judge(invoice_id=4)).decision is Decision.ALLOW


async def test_cards_are_counted_for_a_day(desk: Desk) -> None:
    for number in range(1, 3):
        await desk.judge(fingerprint=b"card %d" % number, payer_ip=None)

    clock.move_to_offset(timedelta(hours=23))
    verdict = await desk.judge(fingerprint=b"card 3", payer_ip=None)

    assert (verdict.decision, verdict.reasons) == (Decision.REVIEW, ("email_many_cards",))


async def test_one_merchants_card_and_email_are_not_anothers_but_an_address_is_the_same(
    desk: Desk,
) -> None:
    for merchant_id in range(10, 14):
        assert (await desk.judge(merchant_id=merchant_id)).decision is Decision.ALLOW

    verdict = await desk.judge(merchant_id=14)

    assert verdict.reasons == ("address_often",)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.0.9", "::1", None])
async def test_an_address_that_is_not_public_says_nothing(desk: Desk, address: str | None) -> None:
    for merchant_id in range(20, 40):
        verdict = await desk.judge(merchant_id=merchant_id, payer_ip=address)
        assert verdict.decision is Decision.ALLOW


async def test_a_merchant_with_limits_of_his_own_is_judged_by_them(desk: Desk) -> None:
    for number in range(1, 10):
        verdict = await desk.judge(merchant_id=9, invoice_id=number)

    assert verdict.decision is Decision.ALLOW


async def test_a_card_from_elsewhere(desk: Desk) -> None:
    assert (await desk.judge(payer_country="IN")).reasons == ("card_from_elsewhere",)


@pytest.mark.parametrize(
    ("about", "value"),
    [
        (About.BIN, "4242"),
        (About.NETWORK, "93.184.0.0/16"),
        (About.EMAIL, "Asha@example.com"),
        (About.DOMAIN, "example.com"),
        (About.COUNTRY, "US"),
        (About.CARD, b"one card".ljust(32, b"\0").hex()),
    ],
)
async def test_who_stands_on_the_block_list_is_refused_until_he_is_struck_off(
    desk: Desk, about: About, value: str
) -> None:
    fingerprint = b"one card".ljust(32, b"\0")
    async with desk.db.transaction() as tx:
        await enter(tx, 3, List.BLOCK, about, value, note="why", at=clock.now())

    refused = await desk.judge(fingerprint=fingerprint)
    elsewhere = await desk.judge(merchant_id=4, fingerprint=fingerprint)
    async with desk.db.transaction() as tx:
        await strike(tx, 3, List.BLOCK, about, value)
    again = await desk.judge(fingerprint=fingerprint)

    assert (refused.decision, refused.reasons) == (Decision.BLOCK, (f"blocked_{about}",))
    assert {elsewhere.decision, again.decision} == {Decision.ALLOW}


async def test_an_entry_for_everybody_holds_for_every_merchant(desk: Desk) -> None:
    async with desk.db.transaction() as tx:
        await enter(tx, EVERYBODY, List.BLOCK, About.COUNTRY, "kp", note="", at=clock.now())

    assert (await desk.judge(merchant_id=77, payer_country="KP")).decision is Decision.BLOCK


async def test_who_is_watched_is_charged_and_looked_at(desk: Desk) -> None:
    async with desk.db.transaction() as tx:
        await enter(tx, 3, List.WATCH, About.EMAIL, PAYER.email, note="", at=clock.now())

    verdict = await desk.judge()

    assert (verdict.decision, verdict.reasons) == (Decision.REVIEW, ("watched_email",))


async def test_who_is_allowed_is_not_counted(desk: Desk) -> None:
    async with desk.db.transaction() as tx:
        await enter(tx, 3, List.ALLOW, About.EMAIL, PAYER.email, note="our tester", at=clock.now())

    verdicts = [await desk.judge(invoice_id=number) for number in range(20)]

    assert {one.decision for one in verdicts} == {Decision.ALLOW}


async def test_a_card_is_blocked_at_its_merchant_and_twice_struck_off_is_told(
    desk: Desk,
) -> None:
    async with desk.db.transaction() as tx:
        with pytest.raises(InvalidInput):
            await enter(tx, EVERYBODY, List.BLOCK, About.CARD, "ab" * 32, note="", at=clock.now())
        with pytest.raises(NotFound):
            await strike(tx, 3, List.BLOCK, About.BIN, "4242")


async def test_what_was_kept_leads_to_the_same_decision(desk: Desk) -> None:
    for number in range(1, 9):
        verdict = await desk.judge(invoice_id=number)
        async with desk.db.reading() as conn:
            kept = await records.find(conn, 3, desk.payments)

        assert kept is not None
        assert (kept.verdict, kept.rules) == (verdict, VERSION)
        assert decide(kept.facts, kept.limits) == verdict
    rows = await desk.db.fetch("SELECT risk_decision::text FROM risk_decision")
    assert all("asha" not in row[0] for row in rows), "an e-mail is counted by its digest"
