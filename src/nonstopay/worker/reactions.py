"""Who reacts to what: the jobs there are. One page. Events become webhooks; who words them for the
merchant is in `assembly.DESCRIBERS`.

payment:look-up     ask the provider until the payment is decided     payments/look_up.py
payment:give-back   refund money that must not stay here              payments/give_back.py
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.payments.give_back import give_back
from nonstopay.business.payments.look_up import look_up
from nonstopay.business.payments.record_outcome import GIVE_BACK
from nonstopay.business.payments.start import LOOK_UP
from nonstopay.store.jobs import Job

Reaction = Callable[[Gateway, Job], Awaitable[datetime | None]]
"""Does a job once; when to do it again, or `None` when it is done."""


async def _look_up(gateway: Gateway, job: Job) -> datetime | None:
    return await look_up(gateway.db, gateway.rails, **_payment(job))


async def _give_back(gateway: Gateway, job: Job) -> datetime | None:
    return await give_back(gateway.db, gateway.rails, **_payment(job))


def _payment(job: Job) -> dict[str, Any]:
    return {
        "merchant_id": job.merchant_id,
        "payment_id": int(job.key),
        "attempts": job.attempts,
        "at": clock.now(),
    }


REACTIONS: Mapping[str, Reaction] = {LOOK_UP: _look_up, GIVE_BACK: _give_back}
