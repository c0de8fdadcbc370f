"""Drawing up statements: of one batch, or of all that closed in a month."""

from datetime import UTC, datetime

from nonstopay.business.settlement import records
from nonstopay.business.settlement.statements.rows import Row, rows_of
from nonstopay.errors import InvalidInput, NotFound
from nonstopay.store.db import Connection


async def of_batch(conn: Connection, merchant_id: int, batch_id: int) -> list[Row]:
    """The rows of one batch.

    Raises:
        NotFound: the merchant has no such batch.
    """
    batch = await records.find(conn, merchant_id, batch_id)
    if batch is None:
        raise NotFound(f"merchant {merchant_id} has no batch {batch_id}")
    return rows_of(batch, await records.parts(conn, batch))


async def of_month(conn: Connection, merchant_id: int, month: str) -> list[Row]:
    """The rows of the batches that closed in a month, UTC, oldest first; none if there are none.

    Args:
        month: `2026-05`.

    Raises:
        InvalidInput: no month.
    """
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInput("month", "a month is written 2026-05") from None
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    rows: list[Row] = []
    for batch in await records.closed_between(conn, merchant_id, first, after):
        rows += rows_of(batch, await records.parts(conn, batch))
    return rows
