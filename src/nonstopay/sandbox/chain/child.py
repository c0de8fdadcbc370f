"""Becomes a chain node that ends when its parent does, in good order.

    python child.py PARENT PROGRAM [ARGUMENT]...

A process of its own for the reason that `store/postgres_child.py` gives: this happens between fork and
exec. It stands on the standard library alone.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
NICE = 5


def main(parent: int, program: str, *arguments: str) -> None:
    """Execute the program; it is told to end (and so writes its state) when `parent` dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(0)  # it died before we could be told
    os.nice(NICE)  # the gateway starts meanwhile, and comes first
    os.execv(program, [program, *arguments])  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], *sys.argv[3:])
