"""A sample receiver as its reader would start it: a process of its own, with secrets and an inbox."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.stories.gateway import Answer, call, free_port

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "receivers"
LANGUAGES = ("python", "php", "node")
START_SECONDS = 20.0


def command(language: str, port: int) -> list[str] | None:
    """How the sample's own first lines say to start it; None where its interpreter is not."""
    if language == "python":
        return [sys.executable, str(FOLDER / "python" / "receiver.py"), str(port)]
    interpreter = shutil.which(language)
    if interpreter is None:
        return None
    if language == "php":
        return [interpreter, "-S", f"127.0.0.1:{port}", str(FOLDER / "php" / "receiver.php")]
    return [interpreter, str(FOLDER / "node" / "receiver.mjs"), str(port)]


@dataclass
class Sample:
    """A running sample; what it says of a message is its answer's body."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/webhooks"

    def hears(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Its status and its word: new, repeat, stale or refused."""
        answer = self.post(body, headers)
        return answer.status, answer.text.strip()

    def post(self, body: bytes, headers: dict[str, str]) -> Answer:
        return call("POST", self.url, body, {"Content-Type": "application/json", **headers})


@contextmanager
def running(language: str, secrets: list[str], inbox: Path) -> Iterator[Sample]:
    """The sample, started and listening; killed at the end, as machines are."""
    sample = Sample(free_port())
    words = command(language, sample.port)
    assert words is not None
    log = inbox.with_suffix(".log")
    with log.open("ab") as output:
        process = subprocess.Popen(
            words,
            env={**os.environ, "WEBHOOK_SECRETS": " ".join(secrets), "INBOX": str(inbox)},
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(sample):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield sample
    finally:
        process.kill()
        process.wait()


def _listens(sample: Sample) -> bool:
    try:
        return call("GET", sample.url).status == 405
    except OSError:
        return False
