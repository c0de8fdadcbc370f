"""One callback URL at a time; changing it gives up what waited for the old one."""

from datetime import timedelta

import pytest

from nonstopay import clock
from nonstopay.business.webhooks import records
from nonstopay.business.webhooks.endpoint import REPLACED, Endpoint
from nonstopay.business.webhooks.rotate import open_secrets, rotate
from nonstopay.business.webhooks.set_callback import set_callback
from nonstopay.business.webhooks.states import State
from nonstopay.errors import InvalidInput
from nonstopay.store.db import Database
from tests.unit.webhooks.hook import SEALER, Hook, Shop, delivering, status, until


async def endpoints(shop: Shop) -> list[Endpoint]:
    async with shop.db.reading() as conn:
        return await records.endpoints(conn, shop.id)


async def test_setting_the_same_url_again_changes_nothing(shop: Shop, hook: Hook) -> None:
    before = await endpoints(shop)

    await shop.listens_at(hook.url)

    assert await endpoints(shop) == before


async def test_what_waited_for_the_old_url_is_given_up(
    shop: Shop, hook: Hook, database: Database
) -> None:
    hook.answer = status(500)
    async with delivering(database):
        event_id = await shop.happens(7, "created")

        async def tried() -> bool:
            return bool(await shop.attempts(event_id))

        await until(tried)
    await shop.listens_at(f"{hook.url}/new")

    old, new = await endpoints(shop)
    assert (old.disabled_reason, new.enabled) == (REPLACED, True)
    assert [one.state for one in await shop.deliveries(7)] == [State.DEAD]


async def test_outside_the_sandbox_this_machine_is_no_callback(
    shop: Shop, hook: Hook, database: Database
) -> None:
    before = await endpoints(shop)

    async with database.transaction() as tx:
        with pytest.raises(InvalidInput) as caught:
            await set_callback(tx, shop.id, "http://127.0.0.1/x", clock.now())

    assert caught.value.parameter == "callback_url"
    assert await endpoints(shop) == before


async def test_a_leaked_secret_signs_no_more_at_once(shop: Shop, database: Database) -> None:
    async with database.transaction() as tx:
        new = await rotate(tx, SEALER, shop.id, clock.now(), overlap=timedelta(0))

    async with database.reading() as conn:
        sealed = await records.sealed_secrets(conn, [shop.id], clock.now())
    assert open_secrets(SEALER, shop.id, sealed[shop.id]) == [new]


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=8)])
async def test_an_overlap_has_bounds(shop: Shop, database: Database, overlap: timedelta) -> None:
    async with database.transaction() as tx:
        with pytest.raises(InvalidInput):
            await rotate(tx, SEALER, shop.id, clock.now(), overlap=overlap)
