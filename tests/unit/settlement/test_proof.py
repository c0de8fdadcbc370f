"""The proof finds what a tamperer or a bug of ours could do to settled money."""

from decimal import Decimal

import pytest

from nonstopay.business.payments.proof.prove import prove
from nonstopay.business.settlement.proof.prove import LAWS
from nonstopay.store.db import Connection
from tests.unit.settlement.treasury import Treasury


async def broken(treasury: Treasury) -> dict[str, tuple[str, ...]]:
    async with treasury.db.reading() as conn:
        checks = await prove(conn, LAWS)
    return {check.name: check.failures for check in checks if check.failures}


async def fill(treasury: Treasury) -> None:
    """A batch that is paid, and one that is on its way."""
    await treasury.agree(
        reserve_percent=Decimal(10), reserve_days=9, partner="7", partner_percent=Decimal(50)
    )
    await treasury.charge("10")
    await treasury.earn(1000)
    await treasury.settle()
    await treasury.earn(700)
    await treasury.closed()
    assert await broken(treasury) == {}


@pytest.mark.parametrize(
    ("tampering", "law"),
    [
        (
            "UPDATE settlement_line SET gross = gross + 1 WHERE batch_id = 1",
            "the invoices of a batch add up to its parts",
        ),
        (
            "DELETE FROM settlement_line WHERE batch_id = 2",
            "the invoices of a batch add up to its parts",
        ),
        (
            "UPDATE settlement_batch SET amount = amount + 1 WHERE id = 1",
            "the parts of a batch add up to what it pays",
        ),
        (
            "UPDATE settlement_part SET share = share + 1 WHERE batch_id = 1",
            "what a batch says is what the book says",
        ),
        (
            "UPDATE settlement_part SET payable = payable + 1, adjustment = adjustment + 1",
            "what a batch says is what the book says",
        ),
        (
            "UPDATE settlement_batch SET state = 'paid', tx_hash = '0xff' WHERE id = 2",
            "a batch's transfer is booked once it is paid, exactly, and not before",
        ),
        (
            "UPDATE settlement_batch SET state = 'paying' WHERE id = 1",
            "a batch's transfer is booked once it is paid, exactly, and not before",
        ),
        (
            "UPDATE settlement_batch SET state = 'paid',"
            " tx_hash = (SELECT tx_hash FROM settlement_batch WHERE id = 1) WHERE id = 2",
            "no transfer pays two batches of a merchant",
        ),
        (
            "UPDATE invoice SET state = 'paid' WHERE state = 'awaiting_approval'",
            "an invoice is settled by one batch, and paid only if that is",
        ),
        (
            "UPDATE invoice SET tx_hash = '0xff' WHERE state = 'paid'",
            "an invoice is settled by one batch, and paid only if that is",
        ),
        (
            "UPDATE settlement_reserve SET released_at = release_at WHERE batch_id = 1",
            "what is set aside in the books is what batches set aside and nobody released",
        ),
        (
            "UPDATE settlement_batch SET amount = amount - 1 WHERE id = 2",
            "what is on its way in the books is what batches have not paid yet",
        ),
    ],
)
async def test_what_does_not_fit_is_found(
    treasury: Treasury, superuser: Connection, tampering: str, law: str
) -> None:
    await fill(treasury)

    await superuser.execute(tampering)

    assert law in await broken(treasury)


async def test_an_invoice_cannot_be_in_two_batches(
    treasury: Treasury, superuser: Connection
) -> None:
    """The key of a line is the invoice itself."""
    rows = await superuser.fetch(
        """SELECT a.attname FROM pg_index i
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
            WHERE i.indrelid = 'settlement_line'::regclass AND i.indisprimary"""
    )
    assert {row["attname"] for row in rows} == {"merchant_id", "invoice_id"}
