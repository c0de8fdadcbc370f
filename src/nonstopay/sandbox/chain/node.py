"""Running the sandbox's chains: a node each, started with the gateway and ended with it.

anvil keeps its chain in `<data>/chain/NETWORK.json`: written when it ends, and every few seconds, so that a
kill -9 loses those at most. Where there is no anvil a node in Python stands in (`python_node`), which keeps
its chain in `NETWORK.blocks`. No block comes by itself: a transaction makes one, or `mine` does.
"""

import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from nonstopay.errors import Misconfigured
from nonstopay.sandbox.chain.network import FOLDER, NETWORKS, ChainNetwork, forget_url, say_url
from nonstopay.sandbox.chain.process import RESTART_PAUSE_SECONDS, end, free_port, start

STATE_SECONDS = 2
_PYTHON_NODE = "nonstopay.sandbox.chain.python_node"
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_ADVICE = "`make demo` and `make test` fetch it with npm, or a node in Python with pip"


def find_program() -> Path:
    """The program `anvil`: from the environment that `make` made, else from the PATH, else `find_packages`.

    Raises:
        Misconfigured: there is none of them.
    """
    machine = _MACHINES.get(platform.machine().lower(), "")
    package = f"anvil-{sys.platform}-{machine}"
    fetched = Path(sys.prefix) / "chain/node_modules/@foundry-rs" / package / "bin/anvil"
    if fetched.is_file():
        return fetched
    if found := shutil.which("anvil"):
        return Path(found)
    return find_packages()


def find_packages() -> Path:
    """The folder of the packages that `python_node` runs on, where `make` fetched them.

    Raises:
        Misconfigured: it is not here.
    """
    packages = Path(sys.prefix) / "chain/python"
    if (packages / "alysis").is_dir():
        return packages
    raise Misconfigured(f"no anvil here: {_ADVICE}")


class ChainNodes:
    """The nodes of all the sandbox's networks; a context manager that ends them.

    Args:
        data: the gateway's folder.
        program: what to run, if not what `find_program` finds.

    Raises:
        Misconfigured: there is no program to run.
    """

    def __init__(self, data: Path, program: Path | None = None) -> None:
        self._program = program or find_program()
        self._data = data
        self._folder = data / FOLDER
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
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
            end(node)
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
        port = free_port()
        chain = ("--port", str(port), "--chain-id", str(network.chain_id))
        run = self._start_python if self._program.is_dir() else self._start_anvil
        started = run(network.name, chain)
        say_url(self._data, network, f"http://127.0.0.1:{port}")
        return started

    def _start_anvil(self, name: str, chain: Sequence[str]) -> "subprocess.Popen[bytes]":
        state = self._folder / f"{name}.json"
        _keep_whole(state)
        arguments = [
            *("--host", "127.0.0.1", "--no-cors", "--silent", "--slots-in-an-epoch", "1"),
            *("--state", str(state), "--state-interval", str(STATE_SECONDS)),
        ]
        return start(self._program, [*chain, *arguments], self._folder / f"{name}.log")

    def _start_python(self, name: str, chain: Sequence[str]) -> "subprocess.Popen[bytes]":
        places = ("--state", str(self._folder / f"{name}.blocks"), "--packages", str(self._program))
        arguments = ["-m", _PYTHON_NODE, *chain, *places]
        return start(Path(sys.executable), arguments, self._folder / f"{name}.log")


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
