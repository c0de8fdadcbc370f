"""`nonstopay serve` as a process beside a command that shows it."""

import asyncio
import sys
from pathlib import Path

import msgspec

from nonstopay import clock
from nonstopay.cli.outsiders import Door
from nonstopay.cli.where import Where, local_url
from nonstopay.config import Settings
from nonstopay.errors import Misconfigured, Unavailable

READY_SECONDS = 60
STOP_SECONDS = 90
_LOOK_SECONDS = 0.05
_WORDS_KEPT = 800


class GatewayProcess:
    """A running `serve`, started and stopped as `async with`.

    Attributes:
        url: where its HTTP is reached.
        log: the file with what it says.
    """

    def __init__(self, settings: Settings, where: Where) -> None:
        self.url = local_url(settings)
        self.log: Path = settings.data_path / "demo.log"
        self._command = [
            *(sys.executable, "-m", "nonstopay", "serve"),
            *("--data", str(settings.data_path)),
            *("--host", settings.host, "--port", str(settings.port)),
            *(("--database", where.database) if where.database else ()),
            *(("--config", str(where.config)) if where.config else ()),
        ]
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> "GatewayProcess":
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def ready(self) -> None:
        """Wait until it is ready for payments.

        Raises:
            Misconfigured: it ended instead; says what it said.
            Unavailable: it does not get ready.
        """
        deadline = clock.stopwatch() + READY_SECONDS
        async with Door(self.url) as door:
            while not await _is_ready(door):
                self.require_running()
                if clock.stopwatch() > deadline:
                    raise Unavailable(f"the gateway does not get ready; see {self.log}")
                await asyncio.sleep(_LOOK_SECONDS)
        self.require_running()

    def require_running(self) -> None:
        """Raise `Misconfigured` with its last words if it has ended."""
        if self._process is not None and self._process.returncode is not None:
            said = self.log.read_text(errors="replace").strip()[-_WORDS_KEPT:]
            raise Misconfigured(f"the gateway ended:\n{said}")


async def _is_ready(door: Door) -> bool:
    try:
        status, body = await door.ask("GET", "/health/ready")
        return status == 200 and msgspec.json.decode(body).get("ready") is True
    except (Unavailable, msgspec.DecodeError, AttributeError):
        return False
