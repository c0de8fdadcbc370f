"""Becomes PostgreSQL: gives up root, ties its life to its parent's, then executes a program.

    python postgres_child.py PARENT UID GID FOLDER PROGRAM [ARGUMENT]...

It is a process of its own because these steps must happen between fork and exec, where a parent
that may have threads can run no Python safely. It stands on the standard library alone and is run
by its path, so it starts in about a hundredth of a second.

PostgreSQL refuses to run as root. As another user it may be unable to walk down to its data or its
own programs, for instance below a home directory of root's. Then, and only then, it keeps the one
Linux capability that lets it pass (capabilities(7): an ambient one survives exec), and of two the
weaker if that is enough. So no directory of anybody's has to be opened to others.
"""

import ctypes
import os
import signal
import sys
from typing import NoReturn

# <linux/prctl.h>, <linux/capability.h>
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2

EX_NOPERM = 77


def main(parent: int, uid: int, gid: int, folder: str, program: str, *arguments: str) -> NoReturn:
    """Execute `program` as `uid`:`gid` if we are root, with `folder` and the program in reach."""
    on_linux = sys.platform == "linux"
    privileged = os.geteuid() == 0
    if privileged:
        _become(uid, gid, keep_capabilities=on_linux)
    if on_linux:
        _end_with(parent)
    ways = (None, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) if privileged and on_linux else (None,)
    for capability in ways:
        try:
            if privileged and on_linux:
                _keep_only(capability)
            os.stat(f"{folder}/.")  # noqa: PTH116 - pathlib takes longer to import than all of this
            os.execv(program, [program, *arguments])  # noqa: S606 - no shell is the point
        except PermissionError:
            continue
    _give_up(
        f"user {uid} can reach {folder} or {program} neither by itself nor with a capability; "
        "run nonstopay as an ordinary user, move it out of the locked directory, "
        "or name a server with --database"
    )


def _become(uid: int, gid: int, *, keep_capabilities: bool) -> None:
    try:
        if keep_capabilities:
            _prctl(PR_SET_KEEPCAPS, 1)
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    except OSError as error:
        _give_up(
            f"PostgreSQL may not run as root, and becoming user {uid} was refused "
            f"({error.strerror}); run nonstopay as an ordinary user"
        )


def _end_with(parent: int) -> None:
    """A parent killed with -9 takes PostgreSQL with it: SIGINT is its fast, clean shutdown.

    Comes after the change of user, which would clear it.
    """
    _prctl(PR_SET_PDEATHSIG, int(signal.SIGINT))
    if os.getppid() != parent:
        sys.exit(0)  # it died before we could be told


def _keep_only(capability: int | None) -> None:
    mask = 0 if capability is None else 1 << capability
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    held = (ctypes.c_uint32 * 6)()
    _check(_libc().capget(header, held))
    permitted = held[1] & (1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH)
    if mask & ~permitted:
        raise PermissionError(f"capability {capability} is not ours to keep")
    wanted = (ctypes.c_uint32 * 6)(mask, permitted, mask, 0, 0, 0)
    _check(_libc().capset(header, wanted))
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    if capability is not None:
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def _prctl(option: int, *arguments: int) -> None:
    padded = (*arguments, 0, 0, 0, 0)[:4]
    _check(_libc().prctl(option, *(ctypes.c_ulong(value) for value in padded)))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _give_up(reason: str) -> NoReturn:
    sys.stderr.write(reason + "\n")
    sys.exit(EX_NOPERM)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]), sys.argv[4], sys.argv[5], *sys.argv[6:])  # type: ignore[arg-type]
