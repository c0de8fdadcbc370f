"""Running the sandbox's Litecoin: Debian's `litecoind` on a chain of its own (regtest), without peers.

Its chain, its wallet and its password of the day lie in `<data>/chain/litecoin/`.
"""

import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from nonstopay.errors import Misconfigured
from nonstopay.sandbox.chain.network import FOLDER, LITECOIN, forget_url, say_url
from nonstopay.sandbox.chain.process import RESTART_PAUSE_SECONDS, end, free_port, start

_ADVICE = "on Debian `apt install litecoind` brings it"
_ALONE = ("-regtest", "-server", "-listen=0", "-connect=0", "-dnsseed=0", "-persistmempool=0")
_SMALL = ("-dbcache=4", "-par=1", "-rpcthreads=2", "-keypool=20", "-printtoconsole=0")
_NO_MWEB = "-vbparams=mweb:4000000000:4100000000"
"""Private transactions would come with block 432, and with them no block could be made by its contents."""
_SPENDS_WHAT_IS_MINED = ("-fallbackfee=0.0001", "-spendzeroconfchange=0")


def find_program() -> Path:
    """The program `litecoind` on the PATH. Raises `Misconfigured`: it is not here."""
    if found := shutil.which("litecoind"):
        return Path(found)
    raise Misconfigured(f"no litecoind here: {_ADVICE}")


class LitecoinNode:
    """The node; a context manager that ends it.

    Args:
        data: the gateway's folder.

    Raises:
        Misconfigured: there is no program to run.
    """

    def __init__(self, data: Path) -> None:
        self._program = find_program()
        self._data = data
        self._folder = data / FOLDER / LITECOIN.name
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._node: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0

    def start(self) -> None:
        """Start it if it does not run, without waiting for it. On Linux: by the main thread."""
        if self._node is None or self._has_died(self._node):
            port = free_port()
            place = (f"-datadir={self._folder}", "-rpcbind=127.0.0.1", "-rpcallowip=127.0.0.1")
            arguments = [
                *_ALONE,
                *_SMALL,
                _NO_MWEB,
                *_SPENDS_WHAT_IS_MINED,
                *place,
                f"-rpcport={port}",
            ]
            self._node = start(self._program, arguments, self._folder / "litecoin.log")
            self._started_at = time.monotonic()
            say_url(self._data, LITECOIN, f"http://127.0.0.1:{port}")

    def stop(self) -> None:
        """End it; it writes its chain down."""
        if self._node is not None:
            self._node.terminate()
            end(self._node)
            self._node = None
        forget_url(self._data, LITECOIN)

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

    def _has_died(self, node: "subprocess.Popen[bytes]") -> bool:
        """Whether it ended; one that ends at once is left alone for some seconds."""
        old_enough = time.monotonic() - self._started_at > RESTART_PAUSE_SECONDS
        return old_enough and node.poll() is not None
