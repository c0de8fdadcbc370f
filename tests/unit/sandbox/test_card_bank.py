"""The pretend bank behind cards, on a real PostgreSQL: what it keeps, and that it adds up."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from asyncpg import CheckViolationError

from nonstopay import clock
from nonstopay.card_number import Brand, brand_of, is_luhn_valid, parse_number
from nonstopay.errors import Conflict, InvalidInput, NotFound
from nonstopay.money import Money, fiat
from nonstopay.sandbox.card import bank
from nonstopay.sandbox.card.cards import CARDS, MESSAGES
from nonstopay.sandbox.card.payment import Status
from nonstopay.sandbox.card.wish import Wish
from nonstopay.store.db import Connection, Database

ZAR = fiat("ZAR")
CHALLENGED = "4000000000003220"
WISH = Wish(
    reference="payment7",
    amount=Money(1000, ZAR),
    number=parse_number("4242424242424242"),
    expiry_month=12,
    expiry_year=2040,
    capture=True,
    payee_name="Lotus Books",
    note="Invoice 7",
    return_url="https://shop.example/back?token=abc",
    notify_url="http://127.0.0.1:9/notifications",
)


def rand(cents: int) -> Money:
    return Money(cents, ZAR)


def test_every_test_card_is_a_card_that_a_form_takes() -> None:
    for number, card in CARDS.items():
        assert is_luhn_valid(number)
        assert brand_of(number) is not Brand.UNKNOWN
        assert card.code is None or card.code in MESSAGES


async def test_the_bank_keeps_no_number(database: Database, superuser: Connection) -> None:
    """Of every table of the sandbox, every column: no digits of a card but the first six and last four."""
    for number in CARDS:
        wish = replace(WISH, reference=f"r{number[-5:]}x", number=parse_number(number))
        await bank.charge(database, wish)
    tables = await superuser.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'sandbox%'"
    )

    kept = [
        str(dict(row))
        for table in tables
        for row in await superuser.fetch(f"SELECT * FROM {table['tablename']}")
    ]

    assert len(kept) >= len(CARDS)
    for number in CARDS:
        assert not any(number in row or number[6:] in row for row in kept)


async def test_a_card_is_good_to_the_end_of_its_month(database: Database) -> None:
    now = clock.now()
    this = replace(WISH, expiry_month=now.month, expiry_year=now.year)
    last = replace(this, reference="payment8", expiry_year=now.year - 1)

    assert (await bank.charge(database, this)).status is Status.CAPTURED
    assert (await bank.charge(database, last)).code == "54"


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"reference": "a/b"}, "reference"),
        ({"reference": ""}, "reference"),
        ({"amount": rand(0)}, "amount"),
        ({"amount": Money(100, fiat("JPY"))}, "currency"),
        ({"expiry_month": 13}, "expiry_month"),
        ({"expiry_year": 40}, "expiry_year"),
        ({"return_url": "javascript:alert(1)"}, "return_url"),
        ({"return_url": "https://shop.example; script-src *"}, "return_url"),
        ({"return_url": "https://a;b/"}, "return_url"),
        ({"return_url": "https://shop.example/\r\nx: y"}, "return_url"),
        ({"notify_url": "/notifications"}, "notify_url"),
    ],
    ids=str,
)
async def test_what_cannot_be_charged_is_named(
    database: Database, change: dict[str, object], parameter: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await bank.charge(database, replace(WISH, **change))  # type: ignore[arg-type]

    assert refused.value.parameter == parameter
    with pytest.raises(NotFound):
        await bank.status(database, "payment7")


async def test_it_always_adds_up(database: Database) -> None:
    """Fifty people at once, each with an act of his own, and a sum that never breaks."""
    await bank.charge(database, replace(WISH, capture=False))
    dice = random.Random(7)

    async def act(number: int) -> None:
        part = rand(dice.randint(1, 400))
        match dice.choice(["capture", "capture", "refund", "refund", "void", "contest"]):
            case "capture":
                final = dice.random() < 0.1
                await bank.capture(database, "payment7", f"c-{number}", part, final=final)
            case "refund":
                await bank.refund(database, "payment7", f"r-{number}", part)
            case "void" if number > 40:
                await bank.void(database, "payment7", f"v-{number}")
            case "contest" if number > 30:
                await bank.contest(database, "Invoice 7", dice.choice(["chargeback", "won"]))

    done = await asyncio.gather(*(act(n) for n in range(50)), return_exceptions=True)

    assert all(one is None or isinstance(one, Conflict | NotFound) for one in done), done
    after = await bank.status(database, "payment7")
    assert after.authorised == rand(1000)
    assert after.authorised == after.captured + after.voided + after.open
    assert after.captured == after.refunded + after.charged_back + after.refundable
    assert min(after.open.minor, after.refundable.minor, after.refunded.minor) >= 0
    acts = await database.fetch(
        "SELECT kind, sum(amount_minor)::bigint AS total FROM sandbox_card_act GROUP BY kind"
    )
    totals = {row["kind"]: row["total"] for row in acts}
    assert totals["capture"] == after.captured.minor
    assert totals.get("refund", 0) == after.refunded.minor


async def test_the_tables_themselves_refuse_what_does_not_add_up(database: Database) -> None:
    await bank.charge(database, WISH)

    for wrong in ("captured_minor = 1001", "refunded_minor = 1001", "voided_minor = 1"):
        with pytest.raises(CheckViolationError):
            await database.execute(f"UPDATE sandbox_card_payment SET {wrong}")


async def test_a_key_means_one_thing(database: Database) -> None:
    await bank.charge(database, replace(WISH, capture=False))
    await bank.capture(database, "payment7", "key", rand(100), final=False)

    for other in (
        bank.capture(database, "payment7", "key", rand(100), final=True),
        bank.refund(database, "payment7", "key", rand(100)),
        bank.void(database, "payment7", "key"),
    ):
        with pytest.raises(Conflict, match="something else"):
            await other


@pytest.mark.parametrize("key", ["", "a b", "x" * 65])
async def test_a_key_must_be_one(database: Database, key: str) -> None:
    await bank.charge(database, WISH)

    with pytest.raises(InvalidInput, match="key must be"):
        await bank.refund(database, "payment7", key, rand(1))


async def test_a_refund_in_another_currency_is_refused(database: Database) -> None:
    await bank.charge(database, WISH)

    with pytest.raises(bank.RefundRefused):
        await bank.refund(database, "payment7", "r-1", Money(1, fiat("USD")))


async def test_what_is_not_captured_in_seven_days_is_let_go(database: Database) -> None:
    await bank.charge(database, replace(WISH, capture=False))
    await bank.capture(database, "payment7", "c-1", rand(300), final=False)
    clock.move_to_offset(timedelta(days=7))

    after = await bank.status(database, "payment7")

    assert (after.status, after.captured, after.voided) == (Status.CAPTURED, rand(300), rand(700))
    assert after.open == rand(0)


async def test_a_dispute_is_of_the_payment_that_paid(database: Database) -> None:
    """An invoice may have had a declined try first, and its number is a part of no other's."""
    refused = replace(WISH, reference="first", number=parse_number("4000000000000002"))
    await bank.charge(database, refused)
    await bank.charge(database, replace(WISH, reference="second"))
    await bank.charge(database, replace(WISH, reference="third", note="Invoice 77"))

    payment, dispute = await bank.contest(database, "Invoice 7", "inquiry")

    assert payment.reference == "second"
    assert payment.charged_back == rand(0)
    assert dispute.amount == rand(1000)


async def test_a_refunded_payment_is_not_charged_back_by_itself(database: Database) -> None:
    card = parse_number("4000000000000259")
    await bank.charge(database, replace(WISH, number=card))
    await bank.refund(database, "payment7", "r-1", rand(1000))
    clock.move_to_offset(timedelta(days=2))

    await bank.settle_due(database, b"secret")

    after = await bank.status(database, "payment7")
    assert (after.charged_back, after.dispute_at) == (rand(0), None)


async def test_an_issuer_asks_each_payment_at_an_address_of_its_own(database: Database) -> None:
    wish = replace(WISH, number=parse_number(CHALLENGED))
    one = await bank.charge(database, wish)
    two = await bank.charge(database, replace(wish, reference="payment8"))
    assert one.challenge
    assert two.challenge
    assert one.challenge != two.challenge

    await bank.answer(database, one.challenge, "123456")

    assert (await bank.challenged(database, one.challenge)).status is Status.CAPTURED
    assert (await bank.challenged(database, two.challenge)).status is Status.REQUIRES_AUTHENTICATION
