"""A process that asks for 250 addresses at once.

python -m tests.unit.deposits.deriving DATABASE FIRST_INVOICE
"""

import asyncio
import sys

from nonstopay import clock
from nonstopay.business.deposits.chains import Chains
from nonstopay.business.deposits.derive import derive
from nonstopay.business.deposits.sandbox_accounts import ACCOUNTS
from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.account import read_account
from nonstopay.store.db import Database

MANY = 250


async def main(url: str, first: int) -> None:
    table = networks.load()
    chains = Chains(table, {}, {"evm": read_account(ACCOUNTS["evm"], table["polygon"])})
    db = await Database.open(url, min_size=1, max_size=10)

    async def one(invoice_id: int) -> None:
        async with db.transaction() as tx:
            await derive(tx, chains, 1, invoice_id, "polygon", clock.now())

    try:
        await asyncio.gather(*(one(first + number) for number in range(MANY)))
    finally:
        await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
