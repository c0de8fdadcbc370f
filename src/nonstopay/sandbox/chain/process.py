"""A chain's node as a process of ours, which ends with us however we end."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from nonstopay.sandbox.chain import child

STOP_SECONDS = 10.0
RESTART_PAUSE_SECONDS = 5.0
"""One that ends at once is left alone for so long."""


def start(program: Path, arguments: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    """Start a node without waiting for it. On Linux: by the main thread."""
    shim = [sys.executable, "-I", "-S", child.__file__, str(os.getpid())]
    with log.open("wb") as told:
        return subprocess.Popen(
            [*shim, str(program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=told,
            env=_environment(),
            start_new_session=True,
        )


def end(process: "subprocess.Popen[bytes]") -> None:
    """Wait for one that was told to terminate; it writes its chain down."""
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment() -> Mapping[str, str]:
    """Nothing of ours: our secrets stay out."""
    return {"PATH": os.environ.get("PATH", ""), "HOME": "/nonexistent"}
