"""Every invoice has an address of its own on every family of networks, and nobody else has it."""

import asyncio
import sys

import pytest

from nonstopay import clock
from nonstopay.business.deposits import records
from nonstopay.business.deposits.chains import Chains
from nonstopay.business.deposits.derive import derive
from nonstopay.business.deposits.sandbox_accounts import ACCOUNTS
from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.account import read_account
from nonstopay.errors import NotFound
from nonstopay.store.db import Database

NETWORKS = networks.load()
OTHER_XPUB = (  # the account at m/44'/60'/0' of BIP-39's "abandon ... about"
    "xpub6DCoCpSuQZB2jawqnGMEPS63ePKWkwWPH4TU45Q7LPXWuNd8TMtVxRrgjtEshuqpK3mdhaWHPFsBngh5"
    "GFZaM6si3yZdUsT8ddYM3PwnATt"
)


def _chains(**xpubs: str) -> Chains:
    family = {"evm": "ethereum"}
    return Chains(
        NETWORKS,
        {},
        {
            name: read_account(text, NETWORKS[family.get(name, name)])
            for name, text in xpubs.items()
        },
    )


async def _derive(db: Database, chains: Chains, invoice_id: int, network: str) -> tuple[str, int]:
    async with db.transaction() as tx:
        made = await derive(tx, chains, 1, invoice_id, network, clock.now())
    return made.address, made.path_index


async def test_an_invoice_has_one_address_on_all_networks_of_a_family(database: Database) -> None:
    chains = _chains(**ACCOUNTS)

    first = await _derive(database, chains, 1, "polygon")

    assert first == ("0x58A57ed9d8d624cBD12e2C467D34787555bB1b25", 0)
    assert await _derive(database, chains, 1, "bsc") == first
    assert await _derive(database, chains, 2, "bsc") != first
    bitcoin = await _derive(database, chains, 1, "bitcoin")
    assert bitcoin == ("bc1qgkju4yvvtuz0s8vqn837q396jezu2h8ex7gk98", 0)
    assert (await _derive(database, chains, 1, "tron"))[0].startswith("T")


async def test_without_an_account_there_is_no_address(database: Database) -> None:
    chains = _chains(evm=ACCOUNTS["evm"])
    for network in ("bitcoin", "tron", "solana"):
        with pytest.raises(NotFound):
            await _derive(database, chains, 1, network)


async def test_another_account_begins_at_its_first_address(database: Database) -> None:
    """The operator changed his wallet, and later back."""
    old, new = _chains(evm=ACCOUNTS["evm"]), _chains(evm=OTHER_XPUB)
    for invoice in (1, 2, 3):
        await _derive(database, old, invoice, "polygon")

    address, index = await _derive(database, new, 4, "polygon")
    assert index == 0
    assert address == new.accounts["evm"].address(NETWORKS["polygon"], 0)

    back = await _derive(database, old, 5, "polygon")
    assert back[0] == old.accounts["evm"].address(NETWORKS["polygon"], back[1])
    assert back[1] > 2


async def test_callers_for_one_invoice_agree(database: Database) -> None:
    chains = _chains(evm=ACCOUNTS["evm"])

    found = await asyncio.gather(
        *(_derive(database, chains, 1, name) for name in ("polygon", "ethereum", "bsc") * 4)
    )

    assert len(set(found)) == 1


async def test_a_transaction_that_failed_leaves_a_gap(database: Database) -> None:
    chains = _chains(evm=ACCOUNTS["evm"])
    assert (await _derive(database, chains, 1, "polygon"))[1] == 0
    tx = await database.connect()
    undone = tx.transaction()
    await undone.start()
    assert (await derive(tx, chains, 1, 2, "polygon", clock.now())).path_index == 1
    await undone.rollback()
    await tx.close()

    assert (await _derive(database, chains, 3, "polygon"))[1] == 2


async def test_a_thousand_at_once_from_four_processes(
    database: Database, migrated_url: str
) -> None:
    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.unit.deposits.deriving", migrated_url, str(250 * number)
        )
        for number in range(4)
    ]
    assert [await one.wait() for one in workers] == [0, 0, 0, 0]

    async with database.reading() as conn:
        found = [one async for one, _ in records.all_addresses(conn)]
    assert len({one.address for one in found}) == len({one.invoice_id for one in found}) == 1000
    assert found[-1].path_index < 1050, "those who came first raced for the account's entry"
