"""The recovery sheet: every address that was ever given, and where a wallet finds its key.

With it and the wallet's words all money is found without this program, whatever a wallet's gap limit is.
"""

import csv
import io
from collections.abc import AsyncIterator

from nonstopay.business.deposits import records
from nonstopay.business.deposits.chains import Chains
from nonstopay.store.db import Connection

HEADS = ("index", "family", "address", "path", "merchant", "invoice", "account")


async def sheet(conn: Connection, chains: Chains) -> AsyncIterator[str]:
    """The sheet as CSV, line by line, its heads first; `account`: the account's first address."""
    yield _line(HEADS)
    async for one, account in records.all_addresses(conn):
        network = next(iter(chains.of_family(one.family)), None)
        path = f"{network.account_path}/0/{one.path_index}" if network else f"?/0/{one.path_index}"
        yield _line(
            (
                str(one.path_index),
                one.family,
                one.address,
                path,
                str(one.merchant_id),
                str(one.invoice_id),
                account,
            )
        )


def _line(fields: tuple[str, ...]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(fields)
    return buffer.getvalue()
