"""Statements: every line adds up, and whoever changes one is found out without asking us."""

import hashlib
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from nonstopay import clock
from nonstopay.business.settlement.batch import Batch
from nonstopay.business.settlement.statements import page, table
from nonstopay.business.settlement.statements.merkle import root_of
from nonstopay.business.settlement.statements.rows import Row
from nonstopay.business.settlement.statements.statement import of_batch, of_month
from nonstopay.business.settlement.statements.verify import verify
from nonstopay.cli.statement import verify_statement
from nonstopay.errors import InvalidInput, NotFound
from nonstopay.ledger import balances
from tests.unit.settlement.treasury import Treasury


async def settled(treasury: Treasury) -> Batch:
    """Three invoices in two currencies, with everything that can be taken off."""
    await treasury.charge("2.9")
    await treasury.agree(
        reserve_percent=Decimal(10),
        reserve_days=30,
        fx_percent=Decimal("0.5"),
        partner="7",
        partner_percent=Decimal(20),
    )
    await treasury.earn(1999)
    await treasury.earn(501)
    await treasury.earn(3333, "EUR")
    return await treasury.settle()


async def rows_of(treasury: Treasury, batch: Batch) -> list[Row]:
    async with treasury.db.reading() as conn:
        return await of_batch(conn, treasury.merchant_id, batch.id)


async def test_a_statement_holds_and_its_digest_went_along_with_the_transfer(
    treasury: Treasury,
) -> None:
    batch = await settled(treasury)

    [verdict] = verify(table.read(table.write(await rows_of(treasury, batch))))

    assert verdict.failures == ()
    assert verdict.root == f"0x{treasury.sender.asked[0].root.hex()}"


async def test_every_row_names_its_lines_of_the_book(treasury: Treasury) -> None:
    batch = await settled(treasury)

    for row in await rows_of(treasury, batch):
        if not row["ledger"]:
            continue
        about = row["ledger"].partition("/")[0]
        async with treasury.db.reading() as conn:
            lines = await balances.statement(conn, treasury.merchant_id, about)
        named = [line for line in lines if f"{line.transfer.key}/".startswith(f"{row['ledger']}/")]
        assert named, row
        if row["kind"] == "invoice":
            credited = next(line for line in named if line.transfer.credit == "merchant")
            assert credited.transfer.amount.text() == row["gross"]


async def test_what_comes_later_changes_nothing_that_was_said(treasury: Treasury) -> None:
    batch = await settled(treasury)
    before = await rows_of(treasury, batch)
    await treasury.charge("50")
    await treasury.agree(fx_percent=Decimal(9))
    await treasury.earn(700)
    await treasury.settle()

    assert await rows_of(treasury, batch) == before


CHANGES = [
    ("gross", "1"), ("fee", "1"), ("refunded", "1"), ("reserve", "1"), ("payable", "1"),
    ("share", "1"), ("invoice", "0"), ("adjustment", "1"), ("rate", "1"), ("converted", "1"),
    ("markup", "1"), ("total", "1"), ("fx_percent", "1"), ("ledger", "x"), ("partner", "x"),
]  # fmt: skip


async def test_whatever_is_changed_shows(treasury: Treasury) -> None:
    rows = await rows_of(treasury, await settled(treasury))
    leaves = [number for number, row in enumerate(rows) if row["kind"] not in ("paid", "root")]
    for column, added in CHANGES:
        filled = [number for number in leaves if rows[number][column]]
        assert filled, column
        for number in filled:
            changed = [dict(one) for one in rows]
            changed[number][column] += added
            assert not verify(changed)[0].holds, (column, rows[number])


async def test_sums_are_checked_even_where_the_digest_was_made_to_fit(treasury: Treasury) -> None:
    rows = await rows_of(treasury, await settled(treasury))
    for number, row in enumerate(rows):
        for column in ("gross", "fee", "reserve", "total", "converted", "adjustment"):
            if row["kind"] not in ("batch", "part", "invoice") or not row[column]:
                continue
            changed = [dict(one) for one in rows]
            changed[number][column] = str(Decimal(row[column]) + 1)
            changed[-1]["digest"] = verify(changed)[0].root
            [verdict] = verify(changed)
            assert verdict.failures, (row["kind"], column)
            assert "digest" not in " ".join(verdict.failures)


async def test_an_invoice_that_is_added_left_out_or_doubled_shows(treasury: Treasury) -> None:
    rows = await rows_of(treasury, await settled(treasury))
    [first, *_] = [number for number, row in enumerate(rows) if row["kind"] == "invoice"]
    doubled = [*rows[:first], rows[first], *rows[first:]]

    assert not verify([*rows[:first], *rows[first + 1 :]])[0].holds
    assert "an invoice is settled twice" in verify(doubled)[0].failures


async def test_a_month_holds_its_batches(treasury: Treasury) -> None:
    batch = await settled(treasury)
    await treasury.earn(700)
    await treasury.settle()
    now = clock.now()

    async with treasury.db.reading() as conn:
        rows = await of_month(conn, treasury.merchant_id, f"{now:%Y-%m}")
        assert await of_month(conn, treasury.merchant_id, "2001-12") == []
        with pytest.raises(InvalidInput):
            await of_month(conn, treasury.merchant_id, "2001-13")
        with pytest.raises(NotFound):
            await of_batch(conn, treasury.merchant_id, 99)

    assert [verdict.batch for verdict in verify(rows)] == [str(batch.id), str(batch.id + 1)]
    assert all(verdict.holds for verdict in verify(rows))


async def test_the_page_walks_from_gross_to_net(treasury: Treasury) -> None:
    batch = await settled(treasury)
    rows = await rows_of(treasury, batch)

    text = page.page("Settlement <1>", rows)

    assert "Settlement &lt;1&gt;" in text
    assert "<script" not in text
    for part in (row for row in rows if row["kind"] == "part"):
        for column in ("gross", "fee", "reserve", "payable", "share", "rate", "markup", "total"):
            assert part[column] in text, column
    assert str(batch.tx_hash) in text
    assert "Nothing was settled" in page.page("Empty", [])


async def test_the_command_says_whether_a_file_holds(
    treasury: Treasury, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = await settled(treasury)
    file = tmp_path / "statement.csv"
    file.write_text(table.write(await rows_of(treasury, batch)))

    with pytest.raises(SystemExit) as ended:
        verify_statement(file, as_json=True)
    assert ended.value.code == 0
    assert msgspec.json.decode(capsys.readouterr().out)["holds"] is True

    with pytest.raises(SystemExit) as ended:
        verify_statement(file, root=["0x" + "00" * 32])
    assert ended.value.code == 1
    assert "not the digest that you named" in capsys.readouterr().out

    file.write_text(file.read_text().replace("19.99", "18.99", 1))
    with pytest.raises(SystemExit) as ended:
        verify_statement(file)
    assert ended.value.code == 1
    assert "does NOT hold" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", '"'])
def test_what_is_no_statement_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        table.read(text)


def test_the_tree_is_that_of_rfc_6962() -> None:
    """Section 2.1, written out by hand: an odd leaf is not doubled, and no node passes for a leaf."""

    def digest(prefix: bytes, *parts: bytes) -> bytes:
        return hashlib.sha256(prefix + b"".join(parts)).digest()

    a, b, c = (digest(b"\x00", name) for name in (b"a", b"b", b"c"))
    assert root_of([]) == hashlib.sha256(b"").digest()
    assert root_of(["a"]) == a
    assert root_of(["a", "b", "c"]) == digest(b"\x01", digest(b"\x01", a, b), c)
    assert root_of(["a", "b", "c", "c"]) != root_of(["a", "b", "c"])
