"""Named points at which a test has this process die, to see that nothing is paid twice.

The environment names a folder; a file in it with a point's name is the order to die there, once. Only the
sandbox looks.
"""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

VARIABLE = "NSP_CRASH_POINTS"
POINTS = (
    "after_reserved",
    "after_nonce",
    "after_signed",
    "before_broadcast",
    "after_broadcast",
    "after_mined",
    "before_record",
)
CrashPoint = Callable[[str], None]


def never(point: str) -> None:
    """Nobody dies."""
    assert point in POINTS


def crash_points(environment: Mapping[str, str], *, live: bool) -> CrashPoint:
    """What this process does at its points."""
    folder = environment.get(VARIABLE)
    if live or not folder:
        return never

    def pass_by(point: str) -> None:
        assert point in POINTS
        try:
            Path(folder, point).unlink()
        except FileNotFoundError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    return pass_by
