"""How far a network was read, and by whom."""

from dataclasses import dataclass
from datetime import datetime, timedelta

LEASE = timedelta(seconds=5)
SILENT_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where reading stands. Instants are the machine's: the sandbox's clock moves, its nodes' do not.

    Attributes:
        start: the first block that was read.
        number: the last one; `start` - 1 before the first.
        head: the newest one that a node told of.
        version: of this row; who writes what he read says which one he went from.
        watcher: who reads, until `leased_until`.
        looked_at: when a node last answered.
    """

    network: str
    start: int
    number: int
    head: int
    version: int
    watcher: str
    leased_until: datetime | None
    looked_at: datetime

    @property
    def lag(self) -> int:
        """Blocks that are there and were not read yet."""
        return max(0, self.head - self.number)

    def is_held_by_another(self, name: str, now: datetime) -> bool:
        return self.leased_until is not None and self.leased_until > now and self.watcher != name

    def must_be_renewed(self, name: str, now: datetime) -> bool:
        """Whether less than half of the lease is left, or none of it is ours."""
        is_ours = self.watcher == name and self.leased_until is not None
        return not is_ours or (self.leased_until or now) - now < LEASE / 2

    def is_alive(self, now: datetime) -> bool:
        """Whether somebody reads this network, and it answers."""
        return now - self.looked_at < SILENT_AFTER
