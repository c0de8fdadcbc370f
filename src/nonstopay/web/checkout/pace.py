"""How fast one address may send forms: a window that slides, in this process's memory.

It keeps a machine from trying one thing after another at the speed of machines. What must hold over all
processes is counted in the database (`business/payments/cards/enter.py`).
"""

from collections import OrderedDict, deque
from datetime import datetime, timedelta

ADDRESSES_MAX = 10_000


class Pace:
    """Admits so many calls of an address within a span of time."""

    def __init__(self, calls: int, within: timedelta) -> None:
        self._calls = calls
        self._within = within
        self._seen: OrderedDict[str, deque[datetime]] = OrderedDict()

    def admits(self, address: str, at: datetime) -> bool:
        """Whether this call is slow enough; it counts if it is."""
        times = self._seen.setdefault(address, deque())
        self._seen.move_to_end(address)
        if len(self._seen) > ADDRESSES_MAX:
            self._seen.popitem(last=False)
        while times and times[0] <= at - self._within:
            times.popleft()
        if len(times) >= self._calls:
            return False
        times.append(at)
        return True
