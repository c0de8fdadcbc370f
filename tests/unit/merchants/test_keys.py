"""API keys: seen once in clear, kept as a hash, looked up from a memory of two seconds."""

import pytest

from nonstopay import clock, ids
from nonstopay.business.merchants import directory, keys, records
from nonstopay.business.merchants.change import Changes
from nonstopay.business.merchants.directory import REMEMBERED_SECONDS, Directory
from nonstopay.errors import NotFound
from nonstopay.store.db import Database
from tests.unit.merchants.merchants import apply, enrol

REVOKED_IS_FELT_WITHIN_SECONDS = 5.0


async def issue(db: Database, merchant_id: int) -> str:
    async with db.transaction() as tx:
        return await keys.issue(tx, merchant_id, mode="sandbox", at=clock.now())


async def revoke(db: Database, merchant_id: int, key: str) -> None:
    async with db.transaction() as tx:
        await keys.revoke(tx, merchant_id, prefix=key[:16], last4=key[-4:], at=clock.now())


class Stopwatch:
    """A stopwatch that runs when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1000.0
        monkeypatch.setattr(clock, "stopwatch", lambda: self.seconds)


async def test_a_key_is_kept_as_a_hash_only(database: Database) -> None:
    merchant_id = await enrol(database)
    key = await issue(database, merchant_id)
    row = await database.fetchrow("SELECT api_key::text AS whole, hash FROM api_key")
    assert row is not None
    assert row["hash"] == ids.api_key_hash(key)
    assert key not in row["whole"]
    assert key[16:-4] not in row["whole"]


async def test_each_of_several_keys_lets_in_until_it_is_revoked(database: Database) -> None:
    merchant_id = await enrol(database)
    first, second = await issue(database, merchant_id), await issue(database, merchant_id)
    await revoke(database, merchant_id, first)

    fresh = Directory(database)
    assert await fresh.by_key(first) is None
    known = await fresh.by_key(second)
    assert known is not None
    assert known.id == merchant_id
    async with database.reading() as conn:
        listed = await records.keys(conn, merchant_id)
    assert [row["revoked_at"] is not None for row in listed] == [True, False]


async def test_a_key_can_be_revoked_once_and_by_its_own_merchant(database: Database) -> None:
    owner, stranger = await enrol(database), await enrol(database)
    key = await issue(database, owner)
    with pytest.raises(NotFound):
        await revoke(database, stranger, key)
    await revoke(database, owner, key)
    with pytest.raises(NotFound):
        await revoke(database, owner, key)


async def test_changes_are_felt_when_the_memory_is_two_seconds_old(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopwatch = Stopwatch(monkeypatch)
    merchant_id = await enrol(database, Changes(networks=["10.0.0.1"]))
    key = await issue(database, merchant_id)
    callers = Directory(database)
    before = await callers.by_key(key)
    assert before is not None
    await apply(database, merchant_id, Changes(networks=["10.0.0.2"]))

    stopwatch.seconds += REMEMBERED_SECONDS - 0.01
    assert await callers.by_key(key) is before
    stopwatch.seconds += 0.02
    after = await callers.by_key(key)
    assert after is not None
    assert after.allows_address("10.0.0.2")
    assert not after.allows_address("10.0.0.1")

    await revoke(database, merchant_id, key)
    assert REMEMBERED_SECONDS < REVOKED_IS_FELT_WITHIN_SECONDS
    stopwatch.seconds += REMEMBERED_SECONDS
    assert await callers.by_key(key) is None


async def test_what_cannot_be_a_key_is_not_looked_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    async def ask(conn: object, key_hash: bytes) -> None:
        asked.append(key_hash)

    monkeypatch.setattr(records, "by_key_hash", ask)
    callers = Directory(database)
    key = ids.api_key("sandbox")
    for wrong in ("", "x", key[:-1], key + "x", key.upper(), "é" * 50, key.replace("nsp", "abc")):
        assert await callers.by_key(wrong) is None
    assert asked == []
    assert await callers.by_key(key) is None
    assert len(asked) == 1


async def test_the_memory_has_a_bound(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "REMEMBERED_MAX", 2)
    merchant_id = await enrol(database)
    callers = Directory(database)
    for _ in range(5):
        assert await callers.by_key(await issue(database, merchant_id)) is not None
    assert len(callers._remembered) <= 2
