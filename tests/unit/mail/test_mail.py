"""Letters: written with what they tell of, sent at least once, and never with a stranger's headers."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from nonstopay import clock
from nonstopay.business.mail import letters, records
from nonstopay.business.mail.mail import Mail
from nonstopay.business.mail.send import LEASE, PLAN, next_try, send_due
from nonstopay.business.mail.states import State
from nonstopay.business.mail.write import write
from nonstopay.business.merchants import change
from nonstopay.business.merchants.change import Changes
from nonstopay.connectors.mail import Letter, Verdict
from nonstopay.errors import InvalidInput, TransactionOpen
from nonstopay.store.db import Connection, Database
from tests.unit.mail.relay_here import PostOffice, post_office

HOOK = "https://shop.example/hook"


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with post_office() as office:
        yield office


@pytest.fixture
async def merchant(database: Database) -> int:
    async with database.transaction() as tx:
        return await change.create(
            tx, email="dev@shop.example", name="Chai & Söhne", changes=Changes(), at=clock.now()
        )


async def _switched_off(database: Database, merchant: int) -> int:
    async with database.transaction() as tx:
        return await letters.endpoint_disabled(
            tx, merchant, HOOK, "it answered 410 Gone", clock.now()
        )


async def _the_letter(database: Database) -> Mail:
    async with database.reading() as conn:
        (letter,) = await records.latest(conn, 10)
    return letter


async def test_a_merchant_reads_why_his_webhooks_stopped(
    database: Database, merchant: int, office: PostOffice
) -> None:
    await _switched_off(database, merchant)

    assert await send_due(database, office.relay())

    (letter,) = office.letters
    text, page = (part.get_content() for part in letter.iter_parts())
    assert letter["to"] == "dev@shop.example"
    assert letter["subject"] == letters.ENDPOINT_DISABLED
    assert "Hello Chai & Söhne" in text
    assert "it answered 410 Gone." in text
    assert f'<a href="{HOOK}">{HOOK}</a>' in page
    assert "Chai &amp; Söhne" in page
    assert (await _the_letter(database)).state is State.SENT
    assert not await send_due(database, office.relay())


async def test_a_letter_is_not_written_if_its_cause_is_rolled_back(
    database: Database, merchant: int
) -> None:
    async def confirm_and_fail() -> None:
        async with database.transaction() as tx:
            await letters.wallet_activated(tx, merchant, clock.now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await confirm_and_fail()

    async with database.reading() as conn:
        assert await records.latest(conn, 10) == []


async def test_a_relay_that_says_later_is_asked_later(
    database: Database, merchant: int, office: PostOffice
) -> None:
    office.answers = ["451 try again later"]
    await _switched_off(database, merchant)

    await send_due(database, office.relay())
    waiting = await _the_letter(database)
    assert (waiting.state, waiting.problem) == (State.WAITING, "451 try again later")
    assert not await send_due(database, office.relay())

    clock.move_to_offset(PLAN[0] * 2)
    await send_due(database, office.relay())
    sent = await _the_letter(database)
    assert (sent.state, sent.attempts, sent.problem) == (State.SENT, 2, None)
    assert len(office.letters) == 1


async def test_a_relay_that_is_not_there_loses_nothing(
    database: Database, merchant: int, office: PostOffice
) -> None:
    with post_office() as gone:
        nobody = gone.relay()
    await _switched_off(database, merchant)

    await send_due(database, nobody)
    assert (await _the_letter(database)).state is State.WAITING

    clock.move_to_offset(PLAN[0] * 2)
    await send_due(database, office.relay())
    assert len(office.letters) == 1


@pytest.mark.parametrize("refused_at", ["recipient", "letter"])
async def test_a_refused_letter_is_given_up_at_once(
    database: Database, merchant: int, office: PostOffice, refused_at: str
) -> None:
    (office.refusals if refused_at == "recipient" else office.answers).append("550 no such person")
    await _switched_off(database, merchant)

    await send_due(database, office.relay())

    assert (await _the_letter(database)).state is State.DEAD
    clock.move_to_offset(timedelta(days=9))
    assert not await send_due(database, office.relay())


async def test_a_worker_that_dies_after_its_claim_loses_no_letter(
    database: Database, merchant: int, office: PostOffice
) -> None:
    """Its lease runs out, another worker sends; what the dead one says afterwards changes nothing."""
    await _switched_off(database, merchant)
    now = clock.now()
    async with database.reading() as conn:
        (dead_workers,) = await records.claim(conn, now, now + LEASE, 5)
    assert not await send_due(database, office.relay()), "the lease holds"

    clock.move_to_offset(LEASE + timedelta(seconds=1))
    await send_due(database, office.relay())
    assert len(office.letters) == 1

    async with database.reading() as conn:
        await records.record(conn, dead_workers, State.WAITING, "too late", now, now)
    assert (await _the_letter(database)).state is State.SENT


async def test_a_repeat_has_the_same_message_id(office: PostOffice) -> None:
    letter = Letter(id="mail-1-7", recipient="a@b.example", subject="Once", text="or twice")

    await office.relay().send(letter)
    await office.relay().send(letter)

    assert [one["message-id"] for one in office.letters] == ["<mail-1-7@gateway.example>"] * 2


@pytest.mark.parametrize("broken", ["\r\n", "\n", "\r", "\x00", "\x85", "\u2028"])
async def test_nobody_writes_headers_of_his_own(
    database: Database, merchant: int, broken: str
) -> None:
    inject = f"x{broken}Bcc: everybody@example.com"
    async with database.transaction() as tx:
        with pytest.raises(InvalidInput, match="subject"):
            await write(tx, merchant, "a@b.example", inject, "text", clock.now())
        with pytest.raises(InvalidInput, match="e-mail"):
            await write(tx, merchant, f"a@b.example{broken}Bcc: c", "Subject", "text", clock.now())
        with pytest.raises(InvalidInput, match="name"):
            await change.create(
                tx, email="a@b.example", name=inject, changes=Changes(), at=clock.now()
            )


@pytest.mark.parametrize(
    ("recipient", "subject"),
    [
        ("a@b.example", "x\r\nBcc: everybody@example.com"),
        ("a@b.example\r\nRCPT TO:<everybody@example.com>", "x"),
        ("a@b.example, everybody@example.com", "x"),
        ("<everybody@example.com> a@b.example", "x"),
        ("a@", "x"),
    ],
)
async def test_the_last_gate_refuses_what_got_past_the_first(
    database: Database,
    superuser: Connection,
    office: PostOffice,
    recipient: str,
    subject: str,
) -> None:
    """Rows that no door of ours would write."""
    await records.insert(superuser, 1, recipient, subject, "text", clock.now())

    await send_due(database, office.relay())

    assert office.offered == 0
    assert (await _the_letter(database)).state is State.DEAD


async def test_a_name_full_of_line_ends_stays_in_the_body(office: PostOffice) -> None:
    """A lone dot or a lone CR ends no letter, and its words stay words."""
    text = "Hello \r\n.\r\nMAIL FROM:<x@y.example>\r.\r\n\n.\n<script>alert(1)</script>"
    letter = Letter(id="mail-1-1", recipient="a@b.example", subject="₹ & more", text=text)

    outcome = await office.relay().send(letter)

    assert outcome.verdict is Verdict.ACCEPTED
    (received,) = office.letters
    assert received["subject"] == "₹ & more"
    assert "MAIL FROM:<x@y.example>" in next(received.iter_parts()).get_content()
    assert b"<script>" not in office.raw[0].partition(b"text/html")[2]
    assert office.recipients == [["a@b.example"]]


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # in clear, as nobody but a test would
async def test_a_login_is_given_and_a_wrong_one_waits_for_the_operator() -> None:
    letter = Letter(id="mail-1-1", recipient="a@b.example", subject="s", text="t")
    with post_office(login=("gateway", "right")) as office:
        wrong = await office.relay(user="gateway", password="wrong").send(letter)
        right = await office.relay(user="gateway", password="right").send(letter)

    assert (wrong.verdict, right.verdict) == (Verdict.LATER, Verdict.ACCEPTED)
    assert "wrong" not in wrong.problem
    assert "right" not in repr(office.relay(password="right"))


async def test_beyond_this_machine_a_letter_goes_encrypted_or_not_at_all() -> None:
    """127.0.0.2 is somebody else to us; it offers no STARTTLS."""
    with post_office(host="127.0.0.2") as office:
        outcome = await office.relay(host="127.0.0.2").send(
            Letter(id="mail-1-1", recipient="a@b.example", subject="s", text="t")
        )

    assert outcome.verdict is Verdict.LATER
    assert office.offered == 0


async def test_no_letter_is_sent_while_a_transaction_is_open(
    database: Database, office: PostOffice
) -> None:
    letter = Letter(id="mail-1-1", recipient="a@b.example", subject="s", text="t")
    async with database.transaction():
        with pytest.raises(TransactionOpen):
            await office.relay().send(letter)


def test_the_plan_lasts_four_to_five_days() -> None:
    at = start = clock.now()
    for attempt in range(1, len(PLAN) + 1):
        following = next_try(attempt, at)
        assert following is not None
        assert following > at
        at = following

    assert timedelta(days=4) < at - start < timedelta(days=5)
    assert next_try(len(PLAN) + 1, at) is None
