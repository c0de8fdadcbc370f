"""The proof finds whatever anybody did to the books behind the ledger's back."""

from dataclasses import dataclass

import asyncpg
import pytest

from nonstopay.ledger.post import post
from nonstopay.ledger.proof import BALANCES, CHAIN, EARLIER, GUARDED, ZERO, Head, prove
from nonstopay.ledger.transfer import read_line, seal
from nonstopay.store.db import Connection, Database
from tests.unit.ledger.payments import came_late, captured


@pytest.fixture
async def books(database: Database) -> Database:
    """Two merchants; merchant 7 has lines 1 to 6 and merchant 8 has lines 1 and 2."""
    async with database.transaction() as tx:
        await post(tx, [*captured(7, 12, 1500, fee=45), *captured(7, 13, 1500)])
        await post(tx, [*came_late(7, 14, 500), *captured(8, 15, 200)])
    return database


async def test_sound_books_are_proved(books: Database) -> None:
    async with books.reading() as connection:
        proof = await prove(connection)

    assert proof.holds
    assert proof.failures == []
    assert (proof.books, proof.lines, proof.accounts) == (2, 8, 6 + 4)
    assert [check.name for check in proof.checks] == [CHAIN, BALANCES, ZERO, GUARDED, EARLIER]
    assert {merchant_id: head.number for merchant_id, head in proof.heads.items()} == {7: 6, 8: 2}


async def test_no_books_are_sound_books(database: Database) -> None:
    async with database.reading() as connection:
        proof = await prove(connection)

    assert proof.holds
    assert (proof.books, proof.lines, proof.accounts) == (0, 0, 0)


@dataclass(frozen=True)
class Tampering:
    sql: str
    found: tuple[tuple[str, str], ...]


LINE_AMOUNT = "merchant 7: line 2 does not match its digest"

TAMPERINGS = {
    "an amount": Tampering(
        "UPDATE transfer SET amount = 1501 WHERE merchant_id = 7 AND number = 2",
        ((CHAIN, LINE_AMOUNT), (BALANCES, "merchant 7: merchant in USD (2 decimals) holds")),
    ),
    "an amount, and the balances with it": Tampering(
        """UPDATE transfer SET amount = 1501 WHERE merchant_id = 7 AND number = 2;
           UPDATE account SET credits = credits + 1
            WHERE merchant_id = 7 AND name = 'merchant' AND currency = 'USD';
           UPDATE account SET debits = debits + 1
            WHERE merchant_id = 7 AND name = 'exchange' AND currency = 'USD'""",
        ((CHAIN, LINE_AMOUNT),),
    ),
    "a credit account": Tampering(
        "UPDATE transfer SET credit = 'payer' WHERE merchant_id = 7 AND number = 2",
        ((CHAIN, LINE_AMOUNT), (BALANCES, "merchant 7: payer in USD (2 decimals) has lines but")),
    ),
    "a debit account": Tampering(
        "UPDATE transfer SET debit = 'payer' WHERE merchant_id = 7 AND number = 2",
        ((CHAIN, LINE_AMOUNT),),
    ),
    "a currency": Tampering(
        "UPDATE transfer SET currency = 'EUR' WHERE merchant_id = 7 AND number = 2",
        ((CHAIN, LINE_AMOUNT), (BALANCES, "merchant 7: exchange in EUR (2 decimals) has lines")),
    ),
    "decimals": Tampering(
        "UPDATE transfer SET exponent = 3 WHERE merchant_id = 7 AND number = 2",
        ((CHAIN, LINE_AMOUNT), (BALANCES, "merchant 7: exchange in USD (3 decimals) has lines")),
    ),
    "a key": Tampering(
        "UPDATE transfer SET key = 'x' WHERE merchant_id = 7 AND number = 2",
        ((CHAIN, LINE_AMOUNT),),
    ),
    "a place in the movement": Tampering(
        "UPDATE transfer SET line = 9 WHERE merchant_id = 7 AND number = 2",
        ((CHAIN, LINE_AMOUNT),),
    ),
    "a movement": Tampering(
        "UPDATE transfer SET movement = 'gift' WHERE merchant_id = 7 AND number = 2",
        ((CHAIN, LINE_AMOUNT),),
    ),
    "what it is about": Tampering(
        "UPDATE transfer SET about = 'payment:99' WHERE merchant_id = 7 AND number = 2",
        ((CHAIN, LINE_AMOUNT),),
    ),
    "when it was": Tampering(
        """UPDATE transfer SET at = at + interval '1 microsecond'
            WHERE merchant_id = 7 AND number = 2""",
        ((CHAIN, LINE_AMOUNT),),
    ),
    "a digest": Tampering(
        "UPDATE transfer SET digest = sha256('') WHERE merchant_id = 7 AND number = 2",
        ((CHAIN, LINE_AMOUNT), (CHAIN, "merchant 7: line 3 does not match its digest")),
    ),
    "the last digest": Tampering(
        "UPDATE transfer SET digest = sha256('') WHERE merchant_id = 7 AND number = 6",
        ((CHAIN, "merchant 7: line 6 does not match"), (CHAIN, "merchant 7: the book's head is")),
    ),
    "the first line is gone": Tampering(
        "DELETE FROM transfer WHERE merchant_id = 7 AND number = 1",
        ((CHAIN, "merchant 7: line 2 follows line 0"), (CHAIN, LINE_AMOUNT)),
    ),
    "a line is gone": Tampering(
        "DELETE FROM transfer WHERE merchant_id = 7 AND number = 3",
        (
            (CHAIN, "merchant 7: line 4 follows line 2"),
            (BALANCES, "merchant 7: platform:fees in USD (2 decimals) has no lines"),
        ),
    ),
    "a line is gone and the others moved up": Tampering(
        """DELETE FROM transfer WHERE merchant_id = 7 AND number = 5;
           UPDATE transfer SET number = 5 WHERE merchant_id = 7 AND number = 6;
           UPDATE book SET length = 5 WHERE merchant_id = 7""",
        ((CHAIN, "merchant 7: line 5 does not match its digest"),),
    ),
    "the last line is gone": Tampering(
        "DELETE FROM transfer WHERE merchant_id = 7 AND number = 6",
        (
            (CHAIN, "merchant 7: the book's head is line 6"),
            (BALANCES, "merchant 7: payer in INR (2 decimals) has no lines"),
        ),
    ),
    "all lines are gone": Tampering(
        "DELETE FROM transfer WHERE merchant_id = 8",
        ((CHAIN, "merchant 8: the book's head is line 2"), (BALANCES, "has no lines")),
    ),
    "a line is added": Tampering(
        """INSERT INTO transfer
           SELECT merchant_id, 7, 'forged', 1, movement, debit, credit, currency, exponent, amount,
                  about, at, digest
             FROM transfer WHERE merchant_id = 7 AND number = 2""",
        ((CHAIN, "merchant 7: line 7 does not match its digest"),),
    ),
    "two lines are swapped": Tampering(
        """UPDATE transfer SET number = -number WHERE merchant_id = 7 AND number IN (4, 5);
           UPDATE transfer SET number = 9 + number WHERE merchant_id = 7 AND number < 0""",
        ((CHAIN, "merchant 7: line 4 does not match"), (CHAIN, "merchant 7: line 5 does not")),
    ),
    "two equal amounts are swapped": Tampering(
        """UPDATE transfer SET key = 'x' WHERE merchant_id = 7 AND number = 2;
           UPDATE transfer SET key = 'payment:12/capture' WHERE merchant_id = 7 AND number = 5;
           UPDATE transfer SET key = 'payment:13/capture' WHERE merchant_id = 7 AND number = 2""",
        ((CHAIN, LINE_AMOUNT), (CHAIN, "merchant 7: line 5 does not match its digest")),
    ),
    "a line is moved to another book": Tampering(
        "UPDATE transfer SET merchant_id = 8, number = 3 WHERE merchant_id = 7 AND number = 6",
        ((CHAIN, "merchant 7: the book's head"), (CHAIN, "merchant 8: line 3 does not match")),
    ),
    "a balance": Tampering(
        "UPDATE account SET credits = credits + 1 WHERE merchant_id = 7 AND name = 'merchant'",
        (
            (
                BALANCES,
                "merchant 7: merchant in USD (2 decimals) holds debits 45 and credits 3001,",
            ),
            (ZERO, "merchant 7: debits exceed credits by -0.01 USD"),
        ),
    ),
    "two balances against each other": Tampering(
        """UPDATE account SET credits = credits - 5 WHERE merchant_id = 7 AND name = 'merchant';
           UPDATE account SET credits = credits + 5 WHERE merchant_id = 7 AND name LIKE '%fees'""",
        ((BALANCES, "merchant 7: merchant in USD"), (BALANCES, "merchant 7: platform:fees in USD")),
    ),
    "an account is gone": Tampering(
        "DELETE FROM account WHERE merchant_id = 7 AND name = 'merchant'",
        (
            (BALANCES, "merchant 7: merchant in USD (2 decimals) has lines but no account"),
            (ZERO, "merchant 7: debits exceed credits by"),
        ),
    ),
    "an account is added": Tampering(
        "INSERT INTO account VALUES (7, 'payer', 'USD', 2, 0, 0, true)",
        ((BALANCES, "merchant 7: payer in USD (2 decimals) has no lines"),),
    ),
    "an account nobody knows": Tampering(
        "INSERT INTO account VALUES (9, 'petty_cash', 'USD', 2, 0, 0, false)",
        (
            (CHAIN, "merchant 9: there is no book"),
            (BALANCES, "merchant 9: petty_cash in USD (2 decimals) has no lines"),
            (GUARDED, "merchant 9: petty_cash in USD (2 decimals) is not in the chart"),
        ),
    ),
    "an account's decimals": Tampering(
        "UPDATE account SET exponent = 0 WHERE merchant_id = 7 AND name = 'payer'",
        (
            (BALANCES, "merchant 7: payer in INR (0 decimals) has no lines"),
            (BALANCES, "merchant 7: payer in INR (2 decimals) has lines but no account"),
        ),
    ),
    "a guard is taken away": Tampering(
        "UPDATE account SET guarded = false WHERE merchant_id = 7 AND name = 'merchant'",
        ((GUARDED, "merchant 7: merchant in USD (2 decimals) is not guarded"),),
    ),
    "a guard is taken away and the account overdrawn": Tampering(
        """UPDATE account SET guarded = false, debits = 3001
            WHERE merchant_id = 7 AND name = 'merchant'""",
        ((GUARDED, "merchant 7: merchant in USD (2 decimals) is overdrawn by 0.01 USD"),),
    ),
    "a guard where none should be": Tampering(
        """UPDATE account SET guarded = true
            WHERE merchant_id = 7 AND name = 'exchange' AND currency = 'INR'""",
        ((GUARDED, "merchant 7: exchange in INR (2 decimals) is guarded"),),
    ),
    "a book's length": Tampering(
        "UPDATE book SET length = 5 WHERE merchant_id = 7",
        ((CHAIN, "merchant 7: the book's head is line 5"),),
    ),
    "a book's head": Tampering(
        "UPDATE book SET head = sha256('') WHERE merchant_id = 7",
        ((CHAIN, "merchant 7: the book's head is line 6"),),
    ),
    "a book is gone": Tampering(
        "DELETE FROM book WHERE merchant_id = 7",
        ((CHAIN, "merchant 7: there is no book"),),
    ),
    "a book changes hands": Tampering(
        "UPDATE book SET merchant_id = 9 WHERE merchant_id = 7",
        ((CHAIN, "merchant 7: there is no book"), (CHAIN, "merchant 9: the book's head is line 6")),
    ),
    "a merchant is exchanged in all three tables": Tampering(
        """UPDATE book SET merchant_id = 9 WHERE merchant_id = 7;
           UPDATE account SET merchant_id = 9 WHERE merchant_id = 7;
           UPDATE transfer SET merchant_id = 9 WHERE merchant_id = 7""",
        ((CHAIN, "merchant 9: line 1 does not match its digest"),),
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_tampering_is_found(books: Database, superuser: Connection, name: str) -> None:
    tampering = TAMPERINGS[name]
    await superuser.execute(tampering.sql)

    proof = await prove(superuser)

    assert not proof.holds
    told = {check.name: check.failures for check in proof.checks}
    for check, sentence in tampering.found:
        assert any(sentence in failure for failure in told[check]), (sentence, told)
    assert all("merchant 8" not in failure for failure in proof.failures) or "8" in tampering.sql


async def test_a_chain_sealed_anew_is_found_by_the_heads_of_an_earlier_proof(
    books: Database, superuser: Connection
) -> None:
    """Whoever rewrites a line and seals the rest anew fools the chain, not yesterday's heads."""
    heads = (await prove(superuser)).heads
    async with books.transaction() as tx:
        await post(tx, captured(7, 16, 100))
    assert (await prove(superuser, heads)).holds

    await superuser.execute(
        "UPDATE transfer SET about = 'payment:99' WHERE merchant_id = 7 AND number = 2"
    )
    await _seal_anew(superuser, 7)

    assert (await prove(superuser)).holds
    assert (await prove(superuser, heads)).failures == [
        "merchant 7: line 6 is not the one proved before"
    ]


async def test_a_book_cut_short_or_burnt_is_found_by_the_heads_of_an_earlier_proof(
    books: Database, superuser: Connection
) -> None:
    heads = (await prove(superuser)).heads
    for table in ("transfer", "account", "book"):
        await superuser.execute(f"DELETE FROM {table} WHERE merchant_id = 8")

    assert (await prove(superuser)).holds
    assert (
        "merchant 8: line 2 is not the one proved before"
        in (await prove(superuser, heads)).failures
    )


async def test_an_empty_earlier_book_lies_on_every_chain(books: Database) -> None:
    async with books.reading() as connection:
        assert (await prove(connection, {7: Head(0, bytes(32))})).holds


async def test_of_many_failures_the_first_hundred_are_told(
    database: Database, superuser: Connection
) -> None:
    async with database.transaction() as tx:
        await post(tx, [line for n in range(150) for line in came_late(7, n, 500)])
    await superuser.execute("UPDATE transfer SET about = 'nothing'")

    failures = (await prove(superuser)).failures

    assert len(failures) == 101
    assert failures[-1] == "and 50 more"


@pytest.mark.parametrize(
    "act", ["UPDATE transfer SET amount = 1", "DELETE FROM transfer", "TRUNCATE transfer"]
)
async def test_the_gateway_itself_cannot_change_lines(books: Database, act: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with books.transaction() as tx:
            await tx.execute(act)


@pytest.mark.parametrize("table", ["book", "account"])
async def test_the_gateway_itself_cannot_remove_books_or_accounts(
    books: Database, table: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with books.transaction() as tx:
            await tx.execute(f"DELETE FROM {table}")


async def test_the_proof_looks_at_one_snapshot(books: Database, superuser: Connection) -> None:
    """Inside a REPEATABLE READ transaction it sees what that transaction sees."""
    async with superuser.transaction(isolation="repeatable_read"):
        assert (await prove(superuser)).lines == 8
        async with books.transaction() as tx:
            await post(tx, captured(7, 16, 100))
        proof = await prove(superuser)

    assert proof.holds
    assert proof.lines == 8
    assert (await prove(superuser)).lines == 10


async def _seal_anew(superuser: Connection, merchant_id: int) -> None:
    digest = bytes(32)
    for row in await superuser.fetch(
        "SELECT * FROM transfer WHERE merchant_id = $1 ORDER BY number", merchant_id
    ):
        line = read_line(row)
        digest = seal(digest, line.number, line.transfer)
        await superuser.execute(
            "UPDATE transfer SET digest = $3 WHERE merchant_id = $1 AND number = $2",
            merchant_id,
            line.number,
            digest,
        )
    await superuser.execute("UPDATE book SET head = $2 WHERE merchant_id = $1", merchant_id, digest)
