"""Who reacts to what: the jobs there are. One page. Events become webhooks; who words them for the
merchant is in `assembly.DESCRIBERS`.

payment:look-up     ask the provider until the payment is decided     payments/look_up.py
payment:give-back   refund money that must not stay here              payments/give_back.py
payment:let-go      let go what is reserved on a card                 payments/let_go.py
capture:carry-out   take a part of what is reserved                   payments/captures/carry_out.py
settlement:pay      ask the sender until the batch is paid            settlement/pay.py
settlement:tell     step the invoices of a paid batch                 settlement/tell.py
refund:carry-out    give back what the merchant wants given back      payments/refunds/carry_out.py
payment:send-back   send coins back to an address the payer named     payments/crypto/send_back.py
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.deposits.deposit import JOB as DEPOSITS_CHANGED
from nonstopay.business.payments.captures import ask as captures
from nonstopay.business.payments.captures.carry_out import carry_out as carry_out_capture
from nonstopay.business.payments.crypto.ask_refund import SEND_BACK
from nonstopay.business.payments.crypto.reckon import reckon
from nonstopay.business.payments.crypto.send_back import send_back
from nonstopay.business.payments.crypto.start import TIME_UP
from nonstopay.business.payments.give_back import give_back
from nonstopay.business.payments.let_go import let_go
from nonstopay.business.payments.look_up import LOOK_UP, look_up
from nonstopay.business.payments.refunds import ask as refunds
from nonstopay.business.payments.refunds.carry_out import carry_out as carry_out_refund
from nonstopay.business.payments.step import GIVE_BACK, LET_GO
from nonstopay.business.settlement.close import PAY
from nonstopay.business.settlement.pay import pay
from nonstopay.business.settlement.record import TELL
from nonstopay.business.settlement.tell import tell
from nonstopay.store.jobs import Job

WITHOUT_SENDER = timedelta(minutes=1)
Reaction = Callable[[Gateway, Job], Awaitable[datetime | None]]
"""Does a job once; when to do it again, or `None` when it is done."""


async def _look_up(gateway: Gateway, job: Job) -> datetime | None:
    return await look_up(gateway.db, gateway.rails, **_payment(job))


async def _give_back(gateway: Gateway, job: Job) -> datetime | None:
    return await give_back(gateway.db, gateway.rails, **_payment(job))


async def _let_go(gateway: Gateway, job: Job) -> datetime | None:
    return await let_go(gateway.db, gateway.rails, **_payment(job))


async def _capture(gateway: Gateway, job: Job) -> datetime | None:
    return await carry_out_capture(
        gateway.db,
        gateway.rails,
        job.merchant_id,
        job.payload["payment"],
        job.payload["number"],
        attempts=job.attempts,
        at=clock.now(),
    )


async def _refund(gateway: Gateway, job: Job) -> datetime | None:
    return await carry_out_refund(
        gateway.db,
        gateway.rails,
        job.merchant_id,
        int(job.key),
        attempts=job.attempts,
        at=clock.now(),
    )


async def _reckon(gateway: Gateway, job: Job) -> datetime | None:
    return await reckon(
        gateway.db,
        gateway.rails,
        gateway.chains,
        job.merchant_id,
        int(job.key),
        at=clock.now(),
    )


async def _send_back(gateway: Gateway, job: Job) -> datetime | None:
    return await send_back(
        gateway.db,
        gateway.payout,
        job.merchant_id,
        int(job.key),
        attempts=job.attempts,
        at=clock.now(),
    )


async def _pay(gateway: Gateway, job: Job) -> datetime | None:
    if gateway.payout is None:
        return clock.now() + WITHOUT_SENDER
    return await pay(
        gateway.db,
        gateway.payout,
        job.merchant_id,
        int(job.key),
        attempts=job.attempts,
        at=clock.now(),
    )


async def _tell(gateway: Gateway, job: Job) -> None:
    await tell(gateway.db, job.merchant_id, int(job.key), at=clock.now())


def _payment(job: Job) -> dict[str, Any]:
    return {
        "merchant_id": job.merchant_id,
        "payment_id": int(job.key),
        "attempts": job.attempts,
        "at": clock.now(),
    }


REACTIONS: Mapping[str, Reaction] = {
    LOOK_UP: _look_up,
    GIVE_BACK: _give_back,
    LET_GO: _let_go,
    captures.CARRY_OUT: _capture,
    refunds.CARRY_OUT: _refund,
    DEPOSITS_CHANGED: _reckon,
    TIME_UP: _reckon,
    SEND_BACK: _send_back,
    PAY: _pay,
    TELL: _tell,
}
