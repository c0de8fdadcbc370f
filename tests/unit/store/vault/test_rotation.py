"""Changing the vault's keys while cards come and go: nothing is unreadable at any moment."""

import asyncio
import random
import sys
from datetime import UTC, datetime, timedelta

import pytest

from nonstopay.errors import Misconfigured
from nonstopay.store.db import Database
from nonstopay.store.vault.card import Card
from nonstopay.store.vault.keyring import Keyring
from nonstopay.store.vault.rotate import Progress, key_uses, rotate
from nonstopay.store.vault.vault import Vault
from tests.unit.store.vault.conftest import MakeCard, MakeKeyring, key_text

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MERCHANTS = (1, 2, 3)


async def fill(db: Database, vault: Vault, card_of: MakeCard, count: int) -> dict[int, Card]:
    """`count` cards of several merchants by their ids."""
    kept = {}
    async with db.transaction() as tx:
        for number in range(count):
            card = card_of(number)
            kept[(await vault.keep(tx, _owner(number), card, AT)).id] = card
    return kept


async def all_open(db: Database, vault: Vault, cards: dict[int, Card]) -> bool:
    owners = {r["id"]: r["merchant_id"] for r in await db.fetch("SELECT * FROM vault_card")}
    async with db.reading() as conn:
        return all([await vault.open(conn, owners[i], i, AT) == card for i, card in cards.items()])


async def turned(db: Database, keyring: Keyring) -> Progress:
    """A whole rotation; where it came."""
    return [progress async for progress in rotate(db, keyring, at_once=10)][-1]


async def test_after_a_rotation_the_old_key_is_needed_no_more(
    database: Database, keyring_of: MakeKeyring, card_of: MakeCard
) -> None:
    cards = await fill(
        database, await Vault.unlock(database, keyring_of("k1"), AT), card_of, count=35
    )
    both = keyring_of("k2", "k1")
    await Vault.unlock(database, both, AT + timedelta(days=1))

    progress = await turned(database, both)

    assert progress == Progress(resealed=35, left=0)
    new, old = await key_uses(database, both)
    assert (new.id, new.cards, new.fingerprints, new.may_be_retired) == ("k2", 35, True, False)
    assert (old.id, old.cards, old.fingerprints, old.may_be_retired) == ("k1", 0, False, True)
    alone = await Vault.unlock(database, keyring_of("k2"), AT)
    assert await all_open(database, alone, cards)


async def test_fingerprints_outlive_the_key_that_sealed_them(
    database: Database, keyring_of: MakeKeyring, card_of: MakeCard
) -> None:
    before = await Vault.unlock(database, keyring_of("k1"), AT)
    async with database.transaction() as tx:
        first = await before.keep(tx, 1, card_of(), AT)
    both = keyring_of("k2", "k1")
    await Vault.unlock(database, both, AT)
    await turned(database, both)

    after = await Vault.unlock(database, keyring_of("k2"), AT)
    async with database.transaction() as tx:
        again = await after.keep(tx, 1, card_of(), AT)

    assert again == first


ROTATING = """
import asyncio, sys
from nonstopay.store.db import Database
from nonstopay.store.vault.keyring import Keyring, parse_key
from nonstopay.store.vault.rotate import rotate

async def main(url, *keys):
    db = await Database.open(url, min_size=1, max_size=2)
    async for progress in rotate(db, Keyring([parse_key(key) for key in keys]), at_once=1):
        print(progress.resealed, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_rotation_that_was_killed_goes_on_where_it_was(
    database: Database, migrated_url: str, keyring_of: MakeKeyring, card_of: MakeCard
) -> None:
    cards = await fill(
        database, await Vault.unlock(database, keyring_of("k1"), AT), card_of, count=300
    )
    both = keyring_of("k2", "k1")
    vault = await Vault.unlock(database, both, AT)

    command = [sys.executable, "-c", ROTATING, migrated_url, key_text("k2"), key_text("k1")]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    for _ in range(5):
        assert await process.stdout.readline()
    process.kill()
    await process.wait()

    left = {use.id: use.cards for use in await key_uses(database, both)}["k1"]
    assert 0 < left < 300
    assert await all_open(database, vault, cards)
    with pytest.raises(Misconfigured, match="k1 is missing"):
        await Vault.unlock(database, keyring_of("k2"), AT)
    assert await turned(database, both) == Progress(resealed=left, left=0)
    assert await all_open(database, vault, cards)


async def test_cards_come_and_go_during_a_rotation_and_none_is_ever_unreadable(
    database: Database, keyring_of: MakeKeyring, card_of: MakeCard
) -> None:
    """Traffic of processes on the old order of keys and on the new one, at every step."""
    early, both = keyring_of("k1", "k2"), keyring_of("k2", "k1")
    old, new = await Vault.unlock(database, early, AT), await Vault.unlock(database, both, AT)
    cards = await fill(database, old, card_of, count=200)
    chance, over, turns = random.Random(7), asyncio.Event(), 0

    async def traffic(vault: Vault) -> None:
        nonlocal turns
        while not over.is_set():
            number = chance.randrange(300)
            async with database.transaction() as tx:
                row = await vault.keep(tx, _owner(number), card_of(number), AT)
            async with database.reading() as conn:
                assert await vault.open(conn, _owner(number), row.id, AT) == card_of(number)
                card_id, card = chance.choice(list(cards.items()))
                owner = _owner(list(cards).index(card_id))
                assert await vault.open(conn, owner, card_id, AT) == card
            turns += 1

    async def rotating() -> None:
        for _ in range(5):
            async for _progress in rotate(database, both, at_once=7):
                await asyncio.sleep(0)
        over.set()

    await asyncio.gather(rotating(), traffic(old), traffic(new), traffic(new))

    assert turns > 20
    assert (await turned(database, both)).left == 0
    alone = await Vault.unlock(database, keyring_of("k2"), AT)
    assert await all_open(database, alone, cards)


async def test_a_card_renewed_in_the_middle_of_a_step_stays_as_it_was_renewed(
    database: Database, keyring_of: MakeKeyring, card_of: MakeCard
) -> None:
    """The rotation has read the row and waits for its lock: what it read is no longer true then."""
    before = await Vault.unlock(database, keyring_of("k1"), AT)
    (card_id,) = await fill(database, before, card_of, count=1)
    both = keyring_of("k2", "k1")
    vault, renewed = await Vault.unlock(database, both, AT), asyncio.Event()

    async def rotating() -> Progress:
        await renewed.wait()
        return await turned(database, both)

    rotation = asyncio.create_task(rotating())
    async with database.transaction() as tx:
        await vault.keep(tx, _owner(0), card_of(0, holder="Renewed"), AT)
        renewed.set()
        async with asyncio.timeout(10):
            while not await tx.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    assert (await rotation).left == 0
    async with database.reading() as conn:
        assert (await vault.open(conn, _owner(0), card_id, AT)).holder == "Renewed"


async def test_a_row_that_does_not_open_is_named_and_stops_nothing(
    database: Database, keyring_of: MakeKeyring, card_of: MakeCard
) -> None:
    cards = await fill(
        database, await Vault.unlock(database, keyring_of("k1"), AT), card_of, count=15
    )
    victim = list(cards)[4]
    await database.execute(
        "UPDATE vault_card SET number_sealed = set_byte(number_sealed, 20, 0) WHERE id = $1", victim
    )
    both = keyring_of("k2", "k1")
    await Vault.unlock(database, both, AT)

    progress = await turned(database, both)

    assert progress == Progress(resealed=14, left=1, unreadable=((_owner(4), victim),))
    assert not any(use.may_be_retired for use in await key_uses(database, both))


def _owner(number: int) -> int:
    return MERCHANTS[number % len(MERCHANTS)]
