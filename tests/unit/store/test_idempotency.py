"""Idempotency keys: what is kept of a call, and for how long."""

from datetime import timedelta

import msgspec
import pytest

from nonstopay import clock
from nonstopay.store import idempotency
from nonstopay.store.db import Database

ROUTE = "create-invoice"
SECRET = b"s" * 32


def digests(secret: bytes = SECRET, **fields: object) -> dict[str, str]:
    return msgspec.json.decode(idempotency.digest_fields(secret, fields), type=dict[str, str])


async def use(db: Database, key: str, *, merchant: int = 1, days_ago: int = 0) -> None:
    async with db.transaction() as tx:
        await tx.execute(
            """INSERT INTO idempotency (merchant_id, route, key, fields, created_at, object_id)
               VALUES ($1, $2, $3, $4, $5, 7)""",
            merchant, ROUTE, key, digests(amount="5"), clock.now() - timedelta(days=days_ago),
        )  # fmt: skip


async def found(db: Database, key: str, *, merchant: int = 1, route: str = ROUTE) -> int | None:
    async with db.reading() as conn:
        known = await idempotency.find(conn, merchant, route, key)
    return known.object_id if known else None


def test_order_does_not_matter_and_values_do() -> None:
    assert digests(a=1, b={"x": 1, "y": 2}) == digests(b={"y": 2, "x": 1}, a=1)
    assert digests(a=[1, 2]) != digests(a=[2, 1])
    assert digests(a="1") != digests(a=1)
    assert digests(a=None) != digests()


def test_what_differs_is_named_in_order() -> None:
    first = digests(amount="5", email="a@b.co", name="Asha")
    second = digests(amount="6", email="a@b.co", phone="7")
    assert idempotency.differing(first, second) == ["amount", "name", "phone"]
    assert idempotency.differing(first, first) == []


def test_digests_give_nothing_away_without_the_secret() -> None:
    kept = idempotency.digest_fields(SECRET, {"card_number": "4242424242424242"})
    assert "4242" not in kept
    assert digests(b"t" * 32, amount="5") != digests(amount="5")
    assert digests(one="5")["one"] == digests(two="5")["two"]


async def test_a_key_belongs_to_one_merchant_and_one_route(database: Database) -> None:
    await use(database, "k")
    assert await found(database, "k") == 7
    assert await found(database, "K") is None
    assert await found(database, "k", merchant=2) is None
    assert await found(database, "k", route="refund") is None


@pytest.mark.parametrize("later", ["second answer", ""])
async def test_the_first_answer_stays(database: Database, later: str) -> None:
    await use(database, "k")
    async with database.transaction() as tx:
        await idempotency.remember_answer(tx, 1, ROUTE, "k", "first answer")
        await idempotency.remember_answer(tx, 1, ROUTE, "k", later)
        await idempotency.remember_answer(tx, 2, ROUTE, "k", "another merchant's")
    async with database.reading() as conn:
        known = await idempotency.find(conn, 1, ROUTE, "k")
    assert known is not None
    assert (known.answer, known.fields) == ("first answer", digests(amount="5"))


async def test_keys_are_kept_for_thirty_days(database: Database) -> None:
    await use(database, "old", days_ago=31)
    await use(database, "young", days_ago=29)
    await idempotency.forget_old(database, clock.now())
    assert await found(database, "old") is None
    assert await found(database, "young") == 7
