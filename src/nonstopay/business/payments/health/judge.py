"""Judge every way to pay by what became of the latest payments, and tell merchants of a change.

The worker does it every few seconds. Pages do not ask payments: they read the judgement (`board.py`).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from nonstopay import clock
from nonstopay.business.payments.health import records
from nonstopay.business.payments.health.evidence import Evidence
from nonstopay.business.payments.health.health import KIND, METHOD, WHOLE, Health, best
from nonstopay.business.payments.health.states import MACHINE, Event, State
from nonstopay.store import outbox
from nonstopay.store.db import Connection, Database

WINDOW = timedelta(minutes=10)
"""How far back payments count."""
ANSWER_WITHIN = timedelta(seconds=15)
"""An order that is not open by then was not opened: connectors wait for ten seconds."""
REST = timedelta(seconds=60)
"""How long what is down is left alone before it is tried again."""
USED_WITHIN = timedelta(hours=1)
TOLD_MAX = 1000
"""A change is told to those merchants whose payers used the method last, and to so many at most."""
_WORST_FIRST = (Event.DEAD, Event.FAILING, Event.MIXED, Event.FINE, Event.QUIET)
_log = logging.getLogger(__name__)


async def judge(db: Database, solutions: Mapping[str, Sequence[str]], now: datetime) -> None:
    """Judge once; while another worker does so, do nothing.

    Args:
        solutions: the configured connectors of each method.
    """
    async with db.transaction() as tx:
        if not await records.become_judge(tx):
            return
        known = {(one.method, one.connector): one for one in await records.all_health(tx)}
        found = await records.evidence(
            tx, since=now - WINDOW, now=now, answered_by=now - ANSWER_WITHIN
        )
        for method, connectors in solutions.items():
            if not connectors:
                continue
            states = []
            for connector in connectors:
                before = known.get((method, connector), Health(method=method, connector=connector))
                after = judged(before, found.get((method, connector), Evidence()), now)
                if after != before:
                    await _save(tx, after)
                states.append(after.state)
            whole = known.get((method, WHOLE), Health(method=method, connector=WHOLE))
            await _tell(tx, whole, _as_told(best(states)), now)


def judged(before: Health, found: Evidence, now: datetime) -> Health:
    """A provider's health after what was found, which counts from `before.counted_from` only."""
    opening, event = _event(before, found, now)
    step = MACHINE.step(before.state, event)
    if not step.moved:
        return before
    was_down = step.after is State.PROBING
    return replace(
        before,
        version=before.version + 1,
        state=step.after,
        state_at=now,
        opening=opening if step.after in (State.DEGRADED, State.DOWN) else before.opening,
        counted_from=now if was_down else before.counted_from,
    )


def _event(before: Health, found: Evidence, now: datetime) -> tuple[bool, Event]:
    """What happened, and whether it is about the opening of orders."""
    if before.state is State.DOWN:
        is_rested = now - before.state_at >= REST
        return before.opening, Event.RESTED if is_rested else Event.QUIET
    if before.state is State.PROBING:
        # Orders that open again prove nothing if it was the tries that failed.
        opening, paying = found.opening.says_of_a_probe(), found.paying.says_of_a_probe()
        blamed, other = (opening, paying) if before.opening else (paying, opening)
        if other in (Event.FAILING, Event.DEAD):
            return not before.opening, other
        return before.opening, blamed
    opening, paying = found.opening.says(), found.paying.says()
    worst = min(opening, paying, key=_WORST_FIRST.index)
    return worst is opening, worst


def _as_told(state: State) -> State:
    """What merchants are told: as long as it is only tried again, it is down."""
    return State.DOWN if state is State.PROBING else state


async def _tell(tx: Connection, whole: Health, state: State, now: datetime) -> None:
    """Keep the state of a method as a whole, and tell those who have used it lately of a change."""
    if state is whole.state:
        return
    after = replace(whole, version=whole.version + 1, state=state, state_at=now)
    health_id = await _save(tx, after)
    facts = {"method": after.method, "state": state, "at": now.isoformat()}
    for merchant_id in await records.users(tx, after.method, now - USED_WITHIN, TOLD_MAX):
        await outbox.record(
            tx,
            merchant_id,
            KIND[state],
            METHOD,
            health_id,
            after.version,
            facts,
            clock.now(),
        )


async def _save(tx: Connection, health: Health) -> int:
    _log.log(
        logging.INFO if health.state is State.HEALTHY else logging.ERROR,
        "a way to pay is %s",
        health.state,
        extra={"method": health.method, "connector": health.connector or "all of them"},
    )
    return await records.save(tx, health)
