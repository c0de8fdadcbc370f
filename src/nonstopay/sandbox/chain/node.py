"""Running the sandbox's chains: a node each, started with the gateway and ended with it.

A node keeps its chain in `<data>/chain/NETWORK.json`: written when it ends, and every few seconds, so
that a kill -9 loses those at most. No block comes by itself: a transaction makes one, or `mine` does.
"""

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from nonstopay.errors import Misconfigured
from nonstopay.sandbox.chain import child
from nonstopay.sandbox.chain.network import FOLDER, NETWORKS, ChainNetwork, forget_url, say_url

STATE_SECONDS = 2
STOP_SECONDS = 10.0
RESTART_PAUSE_SECONDS = 5.0
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_ADVICE = "run `make demo` or `make test` where npm is, which fetch it, or put anvil on the PATH"


def find_program() -> Path:
    """The program `anvil`: from the environment that `make` made, else from the PATH.

    Raises:
        Misconfigured: it is not here.
    """
    machine = _MACHINES.get(platform.machine().lower(), "")
    package = f"anvil-{sys.platform}-{machine}"
    fetched = Path(sys.prefix) / "chain/node_modules/@foundry-rs" / package / "bin/anvil"
    if fetched.is_file():
        return fetched
    if found := shutil.which("anvil"):
        return Path(found)
    raise Misconfigured(f"no anvil here: {_ADVICE}")


class ChainNodes:
    """The nodes of all the sandbox's networks; a context manager that ends them.

    Args:
        data: the gateway's folder.

    Raises:
        Misconfigured: there is no program to run.
    """

    def __init__(self, data: Path) -> None:
        self._program = find_program()
        self._data = data
        (data / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}
        self._started_at: dict[str, float] = {}

    def start(self) -> None:
        """Start what does not run, without waiting for it. On Linux: by the main thread."""
        for network in NETWORKS.values():
            if network.name not in self._nodes or self._has_died(network.name):
                self._nodes[network.name] = self._start(network)
                self._started_at[network.name] = time.monotonic()

    def _has_died(self, name: str) -> bool:
        """Whether it ended; one that ends at once is left alone for some seconds."""
        old_enough = time.monotonic() - self._started_at[name] > RESTART_PAUSE_SECONDS
        return old_enough and self._nodes[name].poll() is not None

    def stop(self) -> None:
        """End them; each writes its chain down."""
        for node in self._nodes.values():
            node.terminate()
        for name, node in self._nodes.items():
            try:
                node.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                node.kill()
                node.wait()
            forget_url(self._data, NETWORKS[name])
        self._nodes.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self, network: ChainNetwork) -> "subprocess.Popen[bytes]":
        folder = self._data / FOLDER
        state = folder / f"{network.name}.json"
        _keep_whole(state)
        port = _free_port()
        arguments = [
            *("--host", "127.0.0.1", "--port", str(port), "--no-cors", "--silent"),
            *("--chain-id", str(network.chain_id), "--slots-in-an-epoch", "1"),
            *("--state", str(state), "--state-interval", str(STATE_SECONDS)),
        ]
        shim = [sys.executable, "-I", "-S", child.__file__, str(os.getpid())]
        with (folder / f"{network.name}.log").open("wb") as log:
            started = subprocess.Popen(
                [*shim, str(self._program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                start_new_session=True,
            )
        say_url(self._data, network, f"http://127.0.0.1:{port}")
        return started


def _environment() -> Mapping[str, str]:
    """Nothing of ours: our secrets stay out."""
    return {"PATH": os.environ.get("PATH", ""), "HOME": "/nonexistent"}


def _keep_whole(state: Path) -> None:
    """Keep a copy of a whole chain, and go back to it where a kill cut the newest one in half."""
    kept = state.with_suffix(".kept")
    try:
        json.loads(state.read_bytes())
    except FileNotFoundError:
        return
    except ValueError:
        state.unlink()
        if kept.exists():
            shutil.copyfile(kept, state)
    else:
        shutil.copyfile(state, kept)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
