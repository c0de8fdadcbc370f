"""Posting: once per key, numbered without gaps, no overdraft, all or nothing."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from nonstopay.errors import Conflict, LawBroken
from nonstopay.ledger.balances import balance, balances, statement
from nonstopay.ledger.post import Overdraft, PostedDifferently, post
from nonstopay.ledger.proof import prove
from nonstopay.ledger.transfer import Transfer
from nonstopay.money import Money, coin
from nonstopay.store.db import Database
from tests.unit.ledger.payments import (
    INR,
    NOON,
    USD,
    came_late,
    captured,
    dollars,
    rupees,
    sent_back,
)


async def posted(database: Database, transfers: Iterable[Transfer]) -> None:
    async with database.transaction() as tx:
        await post(tx, list(transfers))


async def book(database: Database, merchant_id: int) -> dict[str, str]:
    async with database.transaction() as tx:
        return {
            f"{held.account} {held.money.currency}": held.money.text()
            for held in await balances(tx, merchant_id)
        }


async def test_a_payment_is_booked(database: Database) -> None:
    await posted(database, captured(7, 12, 1500, fee=45))

    assert await book(database, 7) == {
        "exchange INR": "1200.00",
        "exchange USD": "-15.00",
        "merchant USD": "14.55",
        "platform:fees USD": "0.45",
        "provider:upi INR": "1200.00",
    }
    async with database.transaction() as tx:
        lines = await statement(tx, 7, "payment:12")
        assert [line.transfer for line in lines] == captured(7, 12, 1500, fee=45)
        assert [line.number for line in lines] == [1, 2, 3]
        assert await statement(tx, 7, "payment:1") == []
        assert await statement(tx, 8, "payment:12") == []


async def test_nothing_is_nothing(database: Database) -> None:
    await posted(database, [])
    async with database.transaction() as tx:
        assert await balance(tx, 7, "merchant", USD) == dollars(0)
        assert await balances(tx, 7) == []


async def test_the_same_again_does_nothing(database: Database) -> None:
    payment = captured(7, 12, 1500, fee=45)
    an_hour_later = captured(7, 12, 1500, fee=45, at=NOON + timedelta(hours=1))
    await posted(database, payment + payment)
    before = await book(database, 7)

    await posted(database, payment)
    await posted(database, an_hour_later)

    assert await book(database, 7) == before
    async with database.transaction() as tx:
        assert [line.transfer for line in await statement(tx, 7, "payment:12")] == payment


async def test_a_repeat_beside_news_posts_the_news_without_a_gap(database: Database) -> None:
    await posted(database, captured(7, 12, 1500))
    await posted(database, captured(7, 12, 1500) + captured(7, 13, 100) + captured(7, 12, 1500))

    async with database.transaction() as tx:
        lines = await statement(tx, 7, "payment:12") + await statement(tx, 7, "payment:13")
    assert [line.number for line in lines] == [1, 2, 3, 4]
    assert (await book(database, 7))["merchant USD"] == "16.00"


FIRST = captured(7, 12, 1500, fee=45)
OTHERWISE = {
    "another amount": (captured(7, 12, 1501, fee=45), ["amount"]),
    "another fee": (captured(7, 12, 1500, fee=46), ["amount"]),
    "no fee": (captured(7, 12, 1500), ["number of lines"]),
    "a line more": (
        [*FIRST, replace(FIRST[2], line=4)],
        ["number of lines"],
    ),
    "another provider": ([replace(FIRST[0], debit="provider:other"), *FIRST[1:]], ["debit"]),
    "another payee": ([FIRST[0], replace(FIRST[1], credit="payer"), FIRST[2]], ["credit"]),
    "another movement": ([replace(t, movement="gift") for t in FIRST], ["movement"]),
    "about another payment": ([replace(t, about="payment:9") for t in FIRST], ["about"]),
    "another coin": (
        [FIRST[0], replace(FIRST[1], amount=Money(1500, coin("USDC", 6))), FIRST[2]],
        ["amount"],
    ),
    "all of it": (came_late(7, 12, 5), None),
}


@pytest.mark.parametrize("case", OTHERWISE)
async def test_the_same_key_with_other_content_is_refused(database: Database, case: str) -> None:
    otherwise, fields = OTHERWISE[case]
    otherwise = [replace(t, key=FIRST[0].key) for t in otherwise]
    await posted(database, FIRST)
    before = await book(database, 7)

    with pytest.raises(PostedDifferently) as refused:
        await posted(database, captured(7, 13, 100) + otherwise)

    if fields is not None:
        assert refused.value.fields == fields
    for field in refused.value.fields:
        assert field in refused.value.message
    assert "merchant 7: payment:12/capture" in refused.value.message
    assert await book(database, 7) == before


async def test_a_key_said_in_two_ways_in_one_batch_is_refused(database: Database) -> None:
    with pytest.raises(PostedDifferently, match="number of lines, amount"):
        await posted(database, captured(7, 12, 1500, fee=45) + captured(7, 12, 1499))
    assert await book(database, 7) == {}


async def test_merchants_do_not_share_keys(database: Database) -> None:
    await posted(database, captured(8, 12, 300) + captured(7, 12, 1500))

    assert (await book(database, 7))["merchant USD"] == "15.00"
    assert (await book(database, 8))["merchant USD"] == "3.00"


async def test_lines_out_of_order_are_a_bug(database: Database) -> None:
    first, second, third = captured(7, 12, 1500, fee=45)

    for torn in ([second], [first, third], [second, first], [first, *captured(7, 13, 9), second]):
        with pytest.raises(LawBroken, match="does not follow"):
            await posted(database, torn)


async def test_an_overdraft_is_refused_and_the_transaction_goes_on(database: Database) -> None:
    await posted(database, came_late(7, 12, 500))
    async with database.transaction() as tx:
        with pytest.raises(Overdraft) as refused:
            await post(tx, sent_back(7, 12, 501))
        await post(tx, sent_back(7, 12, 400))

    assert isinstance(refused.value, Conflict)
    assert refused.value.message == "merchant 7: payer would be overdrawn by 0.01 INR"
    assert (refused.value.account, refused.value.missing) == ("payer", rupees(1))
    assert (await book(database, 7))["payer INR"] == "1.00"
    async with database.reading() as connection:
        assert (await prove(connection)).failures == []


async def test_what_counts_is_the_whole_batch(database: Database) -> None:
    await posted(database, sent_back(7, 12, 500) + came_late(7, 12, 500))

    assert (await book(database, 7))["payer INR"] == "0.00"


async def test_a_fee_above_the_credit_overdraws_the_merchant(database: Database) -> None:
    with pytest.raises(Overdraft, match=r"merchant would be overdrawn by 0\.01 USD"):
        await posted(database, captured(7, 12, 100, fee=101))


async def test_the_table_itself_refuses_an_overdraft(database: Database) -> None:
    await posted(database, came_late(7, 12, 500))

    with pytest.raises(asyncpg.CheckViolationError, match="no_overdraft"):
        async with database.transaction() as tx:
            await tx.execute("UPDATE account SET debits = 501 WHERE name = 'payer'")


async def test_accounts_outside_the_chart_are_refused(database: Database) -> None:
    (line,) = came_late(7, 12, 500)

    with pytest.raises(LawBroken, match="no account petty_cash"):
        await posted(database, [replace(line, credit="petty_cash")])


async def test_a_coin_of_the_same_name_with_other_decimals_is_refused(database: Database) -> None:
    (line,) = came_late(7, 12, 500)
    six = replace(line, amount=Money(500, coin("USDC", 6)))
    eighteen = replace(line, key="other", amount=Money(500, coin("USDC", 18)))

    with pytest.raises(LawBroken, match="counts USDC"):
        await posted(database, [six, eighteen])
    await posted(database, [six])
    with pytest.raises(LawBroken, match="counts USDC"):
        await posted(database, [eighteen])


async def test_amounts_of_forty_digits_stay_exact(database: Database) -> None:
    (line,) = came_late(7, 12, 500)
    huge = Money(10**39 + 1, coin("ETH", 18))
    await posted(database, [replace(line, amount=huge)])
    await posted(database, [replace(line, key="more", amount=Money(1, huge.currency))])

    async with database.transaction() as tx:
        assert await balance(tx, 7, "payer", huge.currency) == Money(10**39 + 2, huge.currency)
        assert (await statement(tx, 7, "payment:12"))[0].transfer.amount == huge


async def test_what_is_rolled_back_was_never_posted(database: Database) -> None:
    async def post_and_fail() -> None:
        async with database.transaction() as tx:
            await post(tx, captured(7, 12, 1500))
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await post_and_fail()

    assert await book(database, 7) == {}
    await posted(database, captured(7, 12, 1600))
    assert (await book(database, 7))["merchant USD"] == "16.00"


async def test_many_posters_of_the_same_books_neither_lock_up_nor_leave_gaps(
    database: Database,
) -> None:
    """Eight posters post to five merchants, each in another order, to new books at first."""

    async def poster(number: int) -> None:
        for batch in range(6):
            merchants = [1 + (number + step * (1 + number % 2)) % 5 for step in range(5)]
            payments = [captured(m, 1000 * number + batch, 100, fee=3) for m in merchants]
            await posted(database, [line for payment in payments for line in payment])

    async with asyncio.timeout(30):
        await asyncio.gather(*(poster(number) for number in range(8)))

    async with database.reading() as connection:
        proof = await prove(connection)
    assert proof.failures == []
    assert (proof.books, proof.lines) == (5, 8 * 6 * 5 * 3)
    assert (await book(database, 3))["merchant USD"] == f"{48 * 97 / 100:.2f}"


async def test_the_same_payment_from_two_sides_at_once_is_booked_once(database: Database) -> None:
    payment = captured(7, 12, 1500)

    await asyncio.gather(*(posted(database, payment) for _ in range(8)))

    assert (await book(database, 7))["merchant USD"] == "15.00"


async def test_a_balance_cannot_be_spent_twice_at_once(database: Database) -> None:
    await posted(database, came_late(7, 1, 1000))

    answers = await asyncio.gather(
        *(posted(database, sent_back(7, payment, 400)) for payment in range(2, 8)),
        return_exceptions=True,
    )

    assert [type(answer) for answer in answers if answer is not None] == [Overdraft] * 4
    async with database.transaction() as tx:
        assert await balance(tx, 7, "payer", INR) == rupees(200)
