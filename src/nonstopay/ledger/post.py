"""Posting: the one way in which lines come into the books.

The rows of the books are taken in the order of the merchants and held to the end of the
transaction, and whoever holds a book's row is alone with its lines and accounts: that is the only
lock, so posters of several merchants at once cannot wait for each other in a circle. A transaction
posts once, or its posts go up in merchants. Everything is checked before anything is written, and
every account is written once, however many lines of the batch touch it.
"""

from collections.abc import Collection, Sequence

from nonstopay.errors import Conflict, LawBroken
from nonstopay.ledger import chart
from nonstopay.ledger.transfer import GENESIS, Line, Transfer, read_line, seal
from nonstopay.money import Currency, Money
from nonstopay.store.db import Connection

_WORTH_A_COPY = 32
_COLUMNS = (
    "merchant_id",
    "number",
    "key",
    "line",
    "movement",
    "debit",
    "credit",
    "currency",
    "exponent",
    "amount",
    "about",
    "at",
    "digest",
)
Posting = list[Transfer]
"""The lines of one movement, which are posted together or not at all."""


class Overdraft(Conflict):
    """A guarded account would be in debt. Nothing was written; the transaction can go on."""

    code = "overdraft"

    def __init__(self, merchant_id: int, account: str, missing: Money) -> None:
        super().__init__(f"merchant {merchant_id}: {account} would be overdrawn by {missing}")
        self.merchant_id = merchant_id
        self.account = account
        self.missing = missing


class PostedDifferently(LawBroken):
    """A key was posted before with other content; `fields` are those that differ."""

    code = "posted_differently"

    def __init__(self, merchant_id: int, key: str, fields: list[str]) -> None:
        super().__init__(
            f"merchant {merchant_id}: {key} was posted with other content; "
            f"different: {', '.join(fields)}"
        )
        self.fields = fields


async def post(tx: Connection, transfers: Sequence[Transfer]) -> None:
    """Write transfers into their merchants' books, each key once.

    The same key with the same content again does nothing; the instant `at` is no content, the first
    one stands. The lines of a key come together and in order, as `movements.lines` makes them. They
    get their numbers in the order in which they come.

    Args:
        tx: inside a transaction, READ COMMITTED.
        transfers: of one merchant or several; best 128 to 256 at a time.

    Raises:
        PostedDifferently: a key was posted with other content, in the books or in the batch.
        Overdraft: a guarded account would be overdrawn when the whole batch is posted.
        LawBroken: an account that is not in the chart, or that counts this currency in other
            decimals; lines that do not come in order.
    """
    if not transfers:
        return
    said = _by_key(transfers)
    books = await _open_books(tx, sorted({merchant_id for merchant_id, _ in said}))
    new = await _not_yet_posted(tx, said)
    if not new:
        return
    accounts = await _read_accounts(tx, new)
    _move(accounts, new)
    _refuse_overdraft(accounts.values())
    await _write_lines(tx, _chain(books, new))
    await _write_balances(tx, accounts.values(), books)


async def hold(tx: Connection, merchant_id: int) -> None:
    """Be alone with a merchant's book until the transaction ends: balances read now stand."""
    await _open_books(tx, [merchant_id])


class _Book:
    """A book's row while we hold it."""

    __slots__ = ("head", "length", "merchant_id")

    def __init__(self, merchant_id: int, length: int, head: bytes) -> None:
        self.merchant_id, self.length, self.head = merchant_id, length, head

    def append(self, transfer: Transfer) -> Line:
        self.length += 1
        self.head = seal(self.head, self.length, transfer)
        return Line(self.length, transfer, self.head)


class _Balance:
    """An account's row while its book is held."""

    __slots__ = ("credits", "currency", "debits", "guarded", "merchant_id", "name")

    def __init__(self, merchant_id: int, name: str, currency: Currency) -> None:
        self.merchant_id, self.name, self.currency = merchant_id, name, currency
        self.guarded = chart.find(name).guarded
        self.debits = self.credits = 0


_Key = tuple[int, str]
_AccountKey = tuple[int, str, str]


def _by_key(transfers: Sequence[Transfer]) -> dict[_Key, Posting]:
    """The postings of a batch; one that is said twice with the same content is one."""
    postings: list[Posting] = []
    for transfer in transfers:
        if transfer.line == 1:
            postings.append([transfer])
            continue
        before = postings[-1][-1] if postings else None
        if before is None or (before.merchant_id, before.key, before.line + 1) != (
            transfer.merchant_id,
            transfer.key,
            transfer.line,
        ):
            raise LawBroken(f"{transfer.key}: line {transfer.line} does not follow its neighbour")
        postings[-1].append(transfer)
    said: dict[_Key, Posting] = {}
    for posting in postings:
        first = said.setdefault((posting[0].merchant_id, posting[0].key), posting)
        if first is not posting:
            _require_same(first, posting)
    return said


async def _open_books(tx: Connection, merchants: list[int]) -> dict[int, _Book]:
    """Lock the books in order, creating the new ones; an update of nothing is the lock."""
    rows = await tx.fetch(
        """INSERT INTO book (merchant_id, length, head)
           SELECT merchant_id, 0, $2 FROM unnest($1::bigint[]) AS wanted (merchant_id)
            ORDER BY merchant_id
               ON CONFLICT (merchant_id) DO UPDATE SET length = book.length
        RETURNING merchant_id, length, head""",
        merchants,
        GENESIS,
    )
    return {row["merchant_id"]: _Book(*row) for row in rows}


async def _not_yet_posted(tx: Connection, said: dict[_Key, Posting]) -> list[Transfer]:
    """The lines whose keys are new. OFFSET 0 keeps this one look into the index per key."""
    rows = await tx.fetch(
        """SELECT found.*
             FROM unnest($1::bigint[], $2::text[]) AS said (merchant_id, key),
          LATERAL (SELECT merchant_id, number, key, line, movement, debit, credit, currency,
                          exponent, amount::text AS amount, about, at, digest
                     FROM transfer
                    WHERE transfer.merchant_id = said.merchant_id AND transfer.key = said.key
                    ORDER BY line OFFSET 0) AS found""",
        [merchant_id for merchant_id, _ in said],
        [key for _, key in said],
    )
    posted: dict[_Key, Posting] = {}
    for row in rows:
        posted.setdefault((row["merchant_id"], row["key"]), []).append(read_line(row).transfer)
    for key, before in posted.items():
        _require_same(before, said[key])
    return [transfer for key, lines in said.items() if key not in posted for transfer in lines]


def _require_same(before: Posting, again: Posting) -> None:
    different = [] if len(before) == len(again) else ["number of lines"]
    for old, new in zip(before, again, strict=False):
        for field in ("movement", "debit", "credit", "amount", "about"):
            if getattr(old, field) != getattr(new, field) and field not in different:
                different.append(field)
    if different:
        raise PostedDifferently(before[0].merchant_id, before[0].key, different)


async def _read_accounts(
    tx: Connection, transfers: Sequence[Transfer]
) -> dict[_AccountKey, _Balance]:
    """The accounts that the transfers touch, as they stand; those not yet there are empty."""
    touched = {
        (t.merchant_id, name, t.amount.currency) for t in transfers for name in (t.debit, t.credit)
    }
    accounts: dict[_AccountKey, _Balance] = {}
    for merchant_id, name, currency in sorted(touched, key=lambda key: (*key[:2], key[2].code)):
        balance = accounts.setdefault(
            (merchant_id, name, currency.code), _Balance(merchant_id, name, currency)
        )
        _require_same_decimals(balance, currency.exponent)
    rows = await tx.fetch(
        """SELECT merchant_id, name, currency, exponent, debits::text, credits::text FROM account
            WHERE merchant_id = ANY ($1::bigint[]) AND name = ANY ($2::text[])""",
        list({merchant_id for merchant_id, _, _ in accounts}),
        list({name for _, name, _ in accounts}),
    )
    for row in rows:
        account = accounts.get((row["merchant_id"], row["name"], row["currency"]))
        if account is not None:
            _require_same_decimals(account, row["exponent"])
            account.debits, account.credits = int(row["debits"]), int(row["credits"])
    return accounts


def _require_same_decimals(balance: _Balance, exponent: int) -> None:
    if balance.currency.exponent != exponent:
        raise LawBroken(
            f"merchant {balance.merchant_id}: {balance.name} counts {balance.currency} with "
            f"{exponent} decimals and with {balance.currency.exponent}"
        )


def _move(accounts: dict[_AccountKey, _Balance], transfers: Sequence[Transfer]) -> None:
    for transfer in transfers:
        merchant_id, code = transfer.merchant_id, transfer.amount.currency.code
        accounts[merchant_id, transfer.debit, code].debits += transfer.amount.minor
        accounts[merchant_id, transfer.credit, code].credits += transfer.amount.minor


def _refuse_overdraft(accounts: Collection[_Balance]) -> None:
    for account in accounts:
        missing = account.debits - account.credits
        if account.guarded and missing > 0:
            raise Overdraft(account.merchant_id, account.name, Money(missing, account.currency))


def _chain(books: dict[int, _Book], transfers: Sequence[Transfer]) -> list[Line]:
    return [books[transfer.merchant_id].append(transfer) for transfer in transfers]


async def _write_lines(tx: Connection, lines: Sequence[Line]) -> None:
    """Many at once go in by COPY, which costs a third less; a few by INSERT, which asks once less."""
    rows = [_row(line) for line in lines]
    if len(rows) >= _WORTH_A_COPY:
        await tx.copy_records_to_table("transfer", columns=_COLUMNS, records=rows)
        return
    *columns, amounts, abouts, instants, digests = zip(*rows, strict=True)
    await tx.execute(
        """INSERT INTO transfer (merchant_id, number, key, line, movement, debit, credit, currency,
                                 exponent, amount, about, at, digest)
           SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::smallint[], $5::text[],
                                $6::text[], $7::text[], $8::text[], $9::smallint[],
                                $10::text[]::numeric[], $11::text[], $12::timestamptz[],
                                $13::bytea[])""",
        *columns,
        [str(amount) for amount in amounts],
        abouts,
        instants,
        digests,
    )


def _row(line: Line) -> tuple[object, ...]:
    transfer = line.transfer
    amount = transfer.amount
    return (
        transfer.merchant_id,
        line.number,
        transfer.key,
        transfer.line,
        transfer.movement,
        transfer.debit,
        transfer.credit,
        amount.currency.code,
        amount.currency.exponent,
        amount.minor,
        transfer.about,
        transfer.at,
        line.digest,
    )


async def _write_balances(
    tx: Connection, accounts: Collection[_Balance], books: dict[int, _Book]
) -> None:
    """The accounts and the books as the new lines leave them, in one statement."""
    await tx.execute(
        """WITH balances AS (
             INSERT INTO account (merchant_id, name, currency, exponent, debits, credits, guarded)
             SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::smallint[],
                                  $5::text[]::numeric[], $6::text[]::numeric[], $7::boolean[])
                 ON CONFLICT (merchant_id, name, currency)
                 DO UPDATE SET debits = excluded.debits, credits = excluded.credits)
           UPDATE book SET length = written.length, head = written.head
             FROM unnest($8::bigint[], $9::bigint[], $10::bytea[])
                  AS written (merchant_id, length, head)
            WHERE book.merchant_id = written.merchant_id""",
        [account.merchant_id for account in accounts],
        [account.name for account in accounts],
        [account.currency.code for account in accounts],
        [account.currency.exponent for account in accounts],
        [str(account.debits) for account in accounts],
        [str(account.credits) for account in accounts],
        [account.guarded for account in accounts],
        list(books),
        [book.length for book in books.values()],
        [book.head for book in books.values()],
    )
