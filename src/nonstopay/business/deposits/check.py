"""Asking the chains whether they are those of our table, until each has answered."""

import asyncio
import logging
from itertools import chain, repeat

from nonstopay.business.deposits.chains import Chains

PAUSES_SECONDS = (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
LAST_PAUSE_SECONDS = 30.0
_log = logging.getLogger(__name__)


async def check(chains: Chains) -> list[str]:
    """Ask those that have not answered yet; the networks that still have not."""
    silent = chains.unanswered()
    for found in await asyncio.gather(*(chains.readers[name].check() for name in silent)):
        chains.checked.update(found)
    return chains.unanswered()


async def check_until_answered(chains: Chains) -> None:
    """Ask now, and ever less often those that are silent: their coins are off meanwhile."""
    for pause in chain(PAUSES_SECONDS, repeat(LAST_PAUSE_SECONDS)):
        silent = await check(chains)
        if not silent:
            return
        if pause == PAUSES_SECONDS[-1]:
            _log.warning("coins are off until their chains answer", extra={"networks": silent})
        await asyncio.sleep(pause)
