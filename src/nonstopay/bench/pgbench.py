"""The yardstick: PostgreSQL's own load generator, beside us on the same server.

It is written in C, speaks PostgreSQL's protocol with prepared statements, and does one transaction
after the other on each of its connections: what a good program does that takes every request for itself.
"""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from nonstopay.bench.figures import Latency, Round
from nonstopay.errors import LawBroken, Misconfigured
from nonstopay.store.postgres_binaries import find_binaries
from nonstopay.store.postgres_cluster import environment

SIDE = "pgbench"
_LOG = "pgbench_log"
_MICROSECONDS = 2  # the column of its log that holds a transaction's duration


class Pgbench:
    """pgbench against one database.

    Args:
        url: of the database, reached by a unix socket.
        folder: where its scripts and logs may lie.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._program = find_binaries() / "pgbench"
        if not self._program.is_file():
            raise Misconfigured(f"there is no pgbench beside PostgreSQL in {self._program.parent}")
        self._url = urlsplit(url)
        self._folder = folder

    async def run(
        self, script: str, variables: Mapping[str, object], *, clients: int, seconds: int
    ) -> Round:
        """Repeat the script on `clients` connections for `seconds`; one thread drives them all.

        Raises:
            LawBroken: a transaction failed, so the figure would say nothing.
        """
        for old in self._folder.glob(f"{_LOG}.*"):
            old.unlink()
        file = self._folder / "script.pgbench"
        file.write_text(script)
        said = await self._run(
            *("-n", "-M", "prepared", "-f", str(file)),
            *("-c", str(clients), "-j", "1", "-T", str(seconds)),
            *("-l", f"--log-prefix={self._folder / _LOG}"),
            *(word for name, value in variables.items() for word in ("-D", f"{name}={value}")),
        )
        done = int(_number(r"number of transactions actually processed: (\d+)", said))
        failed = int(_number(r"number of failed transactions: (\d+)", said))
        if failed or not done:
            raise LawBroken(f"pgbench: {done} transactions done, {failed} failed")
        return Round(SIDE, done, round(_number(r"tps = ([\d.]+)", said), 1), self._latency())

    async def _run(self, *options: str) -> str:
        host = parse_qs(self._url.query)["host"][0]
        process = await asyncio.create_subprocess_exec(
            str(self._program),
            *("-h", host, "-U", self._url.username or ""),
            *options,
            self._url.path.removeprefix("/"),
            env=environment(),
            cwd=self._folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            said, _ = await process.communicate()
        except BaseException:
            process.kill()
            raise
        if process.returncode != 0:
            raise LawBroken(f"pgbench failed: {said.decode().strip()[-400:]}")
        return said.decode()

    def _latency(self) -> Latency:
        return Latency.of(
            [
                int(line.split()[_MICROSECONDS]) / 1e6
                for log in self._folder.glob(f"{_LOG}.*")
                for line in log.read_text().splitlines()
            ]
        )


def _number(pattern: str, said: str) -> float:
    found = re.search(pattern, said)
    if found is None:
        raise LawBroken(f"pgbench does not say {pattern}: {said[-400:]}")
    return float(found.group(1))
