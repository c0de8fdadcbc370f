"""Each side of a measurement, run for a second on a real gateway: it counts what is really there."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from nonstopay.bench import create_invoice, ledger, payment
from nonstopay.bench.scratch import Scratch, api_process, new_customer, scratch
from nonstopay.errors import LawBroken
from nonstopay.store.db import Database


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    with scratch(tmp_path_factory.mktemp("bench")) as made:
        yield made


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Scratch]:
    """One without books."""
    with scratch(tmp_path) as made:
        yield made


def test_a_scratch_gateway_leaves_nothing_behind(tmp_path: Path) -> None:
    """It is durable while it lives, and its folder is gone afterwards."""
    with scratch(tmp_path) as made:
        assert made.settings.data_path.is_relative_to(tmp_path)
        assert asyncio.run(_setting(made, "fsync")) == "on"

    assert list(tmp_path.iterdir()) == []


async def test_invoices_are_counted_against_the_database(place: Scratch) -> None:
    """Both sides: every acknowledgement is a row. One row too many, and there is no figure."""
    db = await place.open_database()
    with api_process(place):
        ours, theirs = [await new_customer(db, place.settings) for _ in range(2)]
        bench = create_invoice._Bench(place, db, ours, theirs)

        created = await bench._http(2, 1)
        inserted = await bench._pgbench(2, 1)
        assert created.done > 0 < inserted.done

        await _slip_in_an_invoice(db, ours.merchant_id)
        with pytest.raises(LawBroken, match="acknowledged, but"):
            await bench._http(1, 1)
    await db.close()


async def test_transfers_are_proved_in_the_book(place: Scratch) -> None:
    db = await place.open_database()
    merchant_id = (await new_customer(db, place.settings)).merchant_id
    await db.execute(ledger._TABLES)
    bench = ledger._Bench(place, db, merchant_id)

    posted, updated = await bench.post(1), await bench.update(1)
    assert posted.done == bench.posted > 0 < updated.done
    assert await db.fetchval("SELECT count(*) FROM bench_transfer") == updated.done

    await bench.require_proof()
    bench.posted += 1
    with pytest.raises(LawBroken, match="are in the book"):
        await bench.require_proof()
    await db.close()


async def test_payments_are_proved_in_books_and_events(fresh: Scratch) -> None:
    db = await fresh.open_database(payment.CONCURRENT)
    bench = payment._Bench(fresh, db, await payment._merchants(fresh, db))

    confirmed = await bench.confirm(1)
    assert confirmed.done == bench.confirmed > 0

    await bench.require_proof()
    bench.confirmed += 1
    with pytest.raises(LawBroken, match="payments were confirmed"):
        await bench.require_proof()
    await db.close()


async def test_a_transaction_that_fails_is_no_transaction(place: Scratch) -> None:
    with pytest.raises(LawBroken, match="pgbench"):
        await place.pgbench.run("SELECT 1 / 0;", {}, clients=1, seconds=1)


async def _setting(made: Scratch, name: str) -> object:
    db = await made.open_database()
    try:
        return await db.fetchval("SELECT current_setting($1)", name)
    finally:
        await db.close()


async def _slip_in_an_invoice(db: Database, merchant_id: int) -> None:
    await db.execute(
        """INSERT INTO invoice (merchant_id, id, state, version, currency, amount_minor, email,
                                created_at, state_at, direct)
           SELECT merchant_id, nextval('invoice_id'), state, version, currency, amount_minor, email,
                  created_at, state_at, direct FROM invoice WHERE merchant_id = $1 LIMIT 1""",
        merchant_id,
    )
