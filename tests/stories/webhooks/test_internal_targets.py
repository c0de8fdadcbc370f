"""No endpoint that a merchant gives leads into our own network: not when it is given, not when it is
delivered to, and not by a redirect. Somebody listens there, and hears nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from nonstopay import clock
from nonstopay.business.webhooks import records
from nonstopay.business.webhooks.deliver import Deliverer
from nonstopay.business.webhooks.explain import explain
from nonstopay.connectors.public_http import Problem, PublicHttp
from nonstopay.store.db import Database
from tests.stories.gateway import Gateway, Merchant, free_port
from tests.stories.webhooks.internal_targets import (
    ADDRESS,
    NOT_YET,
    OUR_PUBLIC_ADDRESS,
    TARGETS,
)
from tests.unit.webhooks.hook import DESCRIBERS, SEALER, Hook, Shop, listening, open_shop, until

CREATE = "/api/webhook-endpoints/create/"
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass
class Doorkeeper:
    """Listens on one port of every address of this machine."""

    port: int = 0
    knocks: int = 0

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.knocks += 1
        writer.close()


@pytest.fixture
async def doorkeeper() -> AsyncIterator[Doorkeeper]:
    keeper = Doorkeeper(free_port())
    four = await asyncio.start_server(keeper.hear, "0.0.0.0", keeper.port)  # noqa: S104
    six = await asyncio.start_server(keeper.hear, "::", keeper.port)
    yield keeper
    four.close()
    six.close()


@pytest.fixture(scope="module")
def live_merchant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Merchant]:
    """His gateway is live: there is no leave to speak to this machine, as a sandbox has it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NONSTOPAY_MODE", "live")
        environment.setenv("NONSTOPAY_BASE_URL", "https://pay.example.com")
        environment.setenv("NONSTOPAY_SECRET_KEY", "only for this test: 0123456789 abcdefghijkl")
        environment.setenv("NONSTOPAY_RATES_URL", "https://rates.invalid/")
        gateway = Gateway(tmp_path_factory.mktemp("live") / "data", free_port())
        gateway.start()
        yield gateway.merchant()
        gateway.stop()


def test_there_are_sixty_of_them() -> None:
    assert len({target.host for target in TARGETS}) == 60


def test_a_live_gateway_takes_none_of_them_and_says_why(live_merchant: Merchant) -> None:
    """Names are taken, as they must be: what they resolve to next year nobody knows."""
    for target in TARGETS:
        answer = live_merchant.post(CREATE, {"url": f"https://{target.host}/hook"}).json()
        if target.refused is NOT_YET:
            assert answer["errorCode"] == 0, (target, answer)
            live_merchant.post("/api/webhook-endpoints/remove/", {"id": answer["id"]})
        else:
            assert answer["errorCode"] == 50014, target
            assert "invalid url: " in answer["errorMessage"]
            assert target.refused in answer["errorMessage"], (target, answer)
    assert live_merchant.get("/api/webhook-endpoints/get/").json()["endpoints"] == []


async def test_a_worker_that_was_given_them_all_the_same_knocks_nowhere(
    database: Database, doorkeeper: Doorkeeper
) -> None:
    """As if they had been let in by an older version, or a name had changed its mind."""
    shop = await open_shop(database)
    answers = {target.host: list(target.resolves_to) for target in TARGETS}
    by_id = {}
    async with database.transaction() as tx:
        for target in TARGETS:
            url = f"http://{target.host}:{doorkeeper.port}/hook"
            by_id[await records.insert_endpoint(tx, shop.id, url, clock.now())] = target
    event_id = await shop.happens(1, "invoice:created")

    async with PublicHttp(
        ports=frozenset({doorkeeper.port}),
        forbidden=[f"{OUR_PUBLIC_ADDRESS}/32"],
        lookup=lambda name, port: answers[name],
    ) as http:
        await deliver_until_all_were_tried(shop, http, event_id, len(TARGETS))

    for endpoint_id, target in by_id.items():
        async with database.reading() as conn:
            [attempt, *_] = await records.attempts(conn, shop.id, endpoint_id, event_id)
        assert (attempt.problem, attempt.status) == (Problem.BLOCKED, None), target
        assert ADDRESS in explain(attempt)
    assert doorkeeper.knocks == 0


async def test_no_redirect_leads_there(database: Database, doorkeeper: Doorkeeper) -> None:
    """The receiver may be on this machine, as in a sandbox; so may the door it points to."""
    shop = await open_shop(database)
    places = [f"http://{target.host}:{doorkeeper.port}/" for target in TARGETS]
    async with listening(Hook()) as hook:

        async def point(_: object, writer: asyncio.StreamWriter) -> None:
            number = len(hook.requests)
            status, place = REDIRECTS[number % len(REDIRECTS)], places[number % len(places)]
            head = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n"
            writer.write(head.encode())

        hook.answer = point
        await shop.listens_at(hook.url)
        events = [await shop.happens(number, "invoice:created") for number in range(len(places))]
        async with PublicHttp(allow_loopback=True) as http:
            await deliver_until_all_were_tried(shop, http, events[-1], 1)
            await until(lambda: len(hook.requests) >= len(places), 30)

    [first] = await shop.attempts(events[0])
    assert first.status in REDIRECTS
    assert "Redirects are not followed" in explain(first)
    assert doorkeeper.knocks == 0


async def test_the_doorkeeper_does_hear_who_knocks(
    database: Database, doorkeeper: Doorkeeper
) -> None:
    """The test of the tests above: with the sandbox's leave the same worker does arrive."""
    shop = await open_shop(database)
    await shop.listens_at(f"http://127.0.0.1:{doorkeeper.port}/hook")
    event_id = await shop.happens(1, "invoice:created")

    async with PublicHttp(allow_loopback=True) as http:
        await deliver_until_all_were_tried(shop, http, event_id, 1)

    assert doorkeeper.knocks == 1


async def deliver_until_all_were_tried(
    shop: Shop, http: PublicHttp, event_id: int, count: int
) -> None:
    """A worker with `http` runs until so many endpoints have an attempt of that event on record."""

    async def tried() -> bool:
        found = await shop.db.fetchval(
            "SELECT count(*) FROM delivery_attempt WHERE event_id = $1", event_id
        )
        return bool(found >= count)

    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(Deliverer(shop.db, http, SEALER, DESCRIBERS).run(stop))
        try:
            await until(tried, 30)
        finally:
            stop.set()
