"""Counting attempts for the metrics: in memory, and about once a second into the database.

Counters of all workers are added up there, because a worker has no door at which it could be asked. A
worker that is killed takes a second of counts with it; deliveries are counted by nobody but the
books of attempts.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from nonstopay.business.webhooks.delivery import Attempt, Result
from nonstopay.business.webhooks.upkeep import records
from nonstopay.store.db import Database

ATTEMPTS = "attempts"
"""By what came of them: `received`, `status_4xx` and its like, or a problem of `explain.py`."""
WAITS = "waits"
"""By the bucket of the time from an event to its first attempt."""
WAITED_MS = "waited_ms"
BUCKETS_MS = (50, 100, 250, 500, 1000, 5000, 60_000)
"""The upper bounds; what took longer is counted as `more`."""
MORE = "more"
_MILLISECOND = timedelta(milliseconds=1)


class Tally:
    """What was counted since the last flush."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def note(self, results: Iterable[Result]) -> None:
        """Count attempts that are on record."""
        for result in results:
            self._counts[ATTEMPTS, outcome(result.attempt)] += 1
            if result.claimed.number == 1:
                waited = (result.attempt.at - result.claimed.event.created_at) // _MILLISECOND
                self._counts[WAITS, _bucket(waited)] += 1
                self._counts[WAITED_MS, ""] += max(waited, 0)

    async def flush(self, db: Database) -> None:
        """Add the counts to the database's; they stay here if it does not take them."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            async with db.transaction() as tx:
                await records.add_counts(tx, counts)
        except BaseException:
            self._counts.update(counts)
            raise


def outcome(attempt: Attempt) -> str:
    """The label of what came of an attempt; there are few of them."""
    if attempt.received:
        return "received"
    if attempt.status is not None:
        return f"status_{attempt.status // 100}xx"
    return attempt.problem or "no_answer"


def _bucket(waited_ms: int) -> str:
    return next((str(bound) for bound in BUCKETS_MS if waited_ms <= bound), MORE)
