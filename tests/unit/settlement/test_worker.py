"""What the worker does of settlement, with a sender of coins and without."""

from types import SimpleNamespace
from typing import Any, cast

import msgspec

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.invoices.create import InvoiceCreator
from nonstopay.business.settlement.close import PAY
from nonstopay.business.settlement.record import TELL
from nonstopay.store import jobs
from nonstopay.store.jobs import Job
from nonstopay.web.api.call import Call
from nonstopay.web.api.invoices import InvoiceCalls
from nonstopay.worker.reactions import REACTIONS
from nonstopay.worker.run import JOB_LEASE
from tests.unit.settlement.treasury import Treasury


def gateway_of(treasury: Treasury, **more: Any) -> Gateway:
    """As much of a gateway as these jobs ask for."""
    settings = SimpleNamespace(public_url="https://pay.example.com")
    parts = {"db": treasury.db, "payout": None, "settings": settings, **more}
    return cast(Gateway, SimpleNamespace(**parts))


async def claim(treasury: Treasury) -> Job:
    async with treasury.db.reading() as conn:
        [job] = await jobs.claim(conn, [PAY, TELL], clock.now(), JOB_LEASE, 5)
    return job


async def finish(treasury: Treasury, job: Job) -> None:
    async with treasury.db.reading() as conn:
        assert await jobs.done(conn, job)


async def test_without_a_sender_a_batch_waits(treasury: Treasury) -> None:
    await treasury.earn()
    batch = await treasury.closed()
    job = await claim(treasury)

    again_at = await REACTIONS[PAY](gateway_of(treasury), job)

    assert again_at is not None
    assert again_at > clock.now()
    assert (await treasury.seen(batch)).state == "closed"


async def test_with_a_sender_it_is_paid_told_and_in_the_history(treasury: Treasury) -> None:
    payment = await treasury.earn()
    batch = await treasury.closed()
    gateway = gateway_of(treasury, payout=treasury.sender)

    for kind in (PAY, TELL):
        job = await claim(treasury)
        assert job.kind == kind
        assert await REACTIONS[kind](gateway, job) is None
        await finish(treasury, job)

    assert await treasury.status(payment) == "paid"
    [record] = (await history(treasury, gateway))["list"]
    assert record["status"] == "PAID"
    assert record["tx_hash"] == (await treasury.seen(batch)).tx_hash
    assert record["exchange_currency_symbol"] == "USDC"


async def history(treasury: Treasury, gateway: Gateway) -> Any:
    """The merchant's history, as the API answers it."""
    call = Call(
        scope={"method": "GET", "query_string": b""},
        headers={},
        merchant=treasury.counter.merchant,
        body=b"",
    )
    reply = await InvoiceCalls(gateway, cast(InvoiceCreator, None)).history(call)
    return msgspec.json.decode(reply.body)
