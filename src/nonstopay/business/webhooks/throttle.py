"""How much may be on its way at once: in all, and to each endpoint.

Each endpoint has a window, as a TCP connection has one: it starts small, grows with every receipt
and is halved by every failure. So a fast endpoint soon has all it can use, and one that hangs is
down to a single connection after its first time-outs. All endpoints whose last attempt failed
share at most half of the whole: however many of them hang, the other half stays for those that
answer.
"""

from collections import Counter, deque
from collections.abc import Iterable

from nonstopay.business.webhooks.delivery import EndpointKey

_WINDOW_AT_FIRST = 4
_REMEMBERED_MAX = 10_000


class Throttle:
    """Counts what is on its way.

    Args:
        total: attempts at once, to all endpoints.
        per_endpoint: the widest window of one endpoint.
    """

    def __init__(self, total: int, per_endpoint: int) -> None:
        self._total = total
        self._per_endpoint = per_endpoint
        self._windows: dict[EndpointKey, int] = {}
        self._on_their_way: Counter[EndpointKey] = Counter()
        self._troubled: set[EndpointKey] = set()

    def share_out(self, endpoints: Iterable[EndpointKey]) -> dict[EndpointKey, int]:
        """How many attempts each endpoint may begin now; those that may begin none are left out.

        Dealt out one by one: all get their first before anybody gets a second.
        """
        free = self._total - self._on_their_way.total()
        of_troubled = sum(self._on_their_way[key] for key in self._troubled)
        free_for_troubled = self._total // 2 - of_troubled
        room = {key: self._window(key) - self._on_their_way[key] for key in endpoints}
        line = deque(key for key in room if room[key] > 0)
        shares: Counter[EndpointKey] = Counter()
        while free > 0 and line:
            key = line.popleft()
            if key in self._troubled:
                if free_for_troubled <= 0:
                    continue
                free_for_troubled -= 1
            free -= 1
            shares[key] += 1
            if shares[key] < room[key]:
                line.append(key)
        return dict(shares)

    def begin(self, endpoint: EndpointKey) -> None:
        self._on_their_way[endpoint] += 1

    def end(self, endpoint: EndpointKey, received: bool) -> None:
        """An attempt is over; its outcome moves the endpoint's window."""
        self._on_their_way[endpoint] -= 1
        if not self._on_their_way[endpoint]:
            del self._on_their_way[endpoint]
        if received:
            self._troubled.discard(endpoint)
            self._windows[endpoint] = min(self._window(endpoint) + 1, self._per_endpoint)
        else:
            self._troubled.add(endpoint)
            self._windows[endpoint] = max(self._window(endpoint) // 2, 1)
        self._forget_some()

    def _window(self, endpoint: EndpointKey) -> int:
        return self._windows.get(endpoint, min(_WINDOW_AT_FIRST, self._per_endpoint))

    def _forget_some(self) -> None:
        if len(self._windows) > _REMEMBERED_MAX:
            oldest = next(iter(self._windows))
            del self._windows[oldest]
            self._troubled.discard(oldest)
