"""A running gateway and the people around it, for stories that go through the real doors only."""
# ruff: noqa: S310  the only addresses called are the test's own

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

READY_SECONDS = 60.0


@dataclass
class Answer:
    """An HTTP answer, whatever its status."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def call(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Answer:
    """One request; redirects and errors are answers."""
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with _opener.open(request, timeout=30) as response:
            return Answer(response.status, dict(response.headers), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read())


@dataclass
class Gateway:
    """`nonstopay serve` as a process of its own. `environment`: settings beside the usual ones.

    Most stories need no chains, and those cost something while they run: `chains` has some of its own. A
    Litecoin is among them if `environment` asks for it.
    """

    data: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    chains: bool = False
    process: "subprocess.Popen[bytes] | None" = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.data.with_name(f"{self.data.name}.log")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*nonstopay("serve"), "--data", str(self.data), "--port", str(self.port)],
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "NONSTOPAY_SANDBOX_CHAIN": str(self.chains).lower(),
                    "NONSTOPAY_SANDBOX_LITECOIN": "false",
                    **self.environment,
                },
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def is_ready(self) -> bool:
        try:
            return call("GET", f"{self.url}/health/ready").status == 200
        except OSError:
            return False

    def stop(self) -> None:
        """End it as an operator would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(40) == 0, self.log.read_text()
            self.process = None

    def kill(self, *, group: bool = False) -> None:
        """kill -9 of the supervisor alone, or of the whole process group."""
        assert self.process is not None
        if group:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait()
        self.process = None

    def command(self, *words: str) -> Any:
        """Run `nonstopay …` on this installation; its JSON answer."""
        done = subprocess.run(
            [*nonstopay(*words), "--data", str(self.data)], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout) if "--json" in words else done.stdout.decode()

    def merchant(self, *words: str, name: str = "Chai & Sons") -> "Merchant":
        """A merchant who may create invoices from this machine."""
        facts = self.command(
            "merchant", "create", "--email", "shop@example.com", "--name", name,
            "--ip", "127.0.0.1/32", "--active", "--json", *words,
        )  # fmt: skip
        return Merchant(self, int(facts["merchant_id"]), facts["api_key"], facts["webhook_secret"])

    def sandbox(self, path: str, **body: Any) -> Any:
        """Use a control of the sandbox."""
        answer = call(
            "POST",
            f"{self.url}/sandbox/{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        assert answer.status == 200, answer.text
        return answer.json()

    def pay_by_upi(self, uri: str, outcome: str = "success") -> Any:
        return self.sandbox("upi/pay", uri=uri, outcome=outcome)


@dataclass
class Merchant:
    """A merchant's program: it knows the documented API and nothing else."""

    gateway: Gateway
    id: int
    api_key: str
    webhook_secret: str

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"API-KEY": self.api_key, "Content-Type": "application/json"}
        return call("POST", f"{self.gateway.url}{path}", raw, {**sent, **_header_names(headers)})

    def get(self, path: str, **query: Any) -> Answer:
        question = f"?{urllib.parse.urlencode(query)}" if query else ""
        return call("GET", f"{self.gateway.url}{path}{question}", headers={"API-KEY": self.api_key})

    def create(self, **more: Any) -> Answer:
        body = {"email": "payer@example.com", "amount": 1, "devise": "USD", **more}
        return self.post("/api/btn-create-invoice/get/", body)

    def new_page(self, **more: Any) -> str:
        """Create an invoice; the address of its payment page."""
        answer = self.create(**more).json()
        assert answer["errorCode"] == 0, answer
        return str(answer["redirectUrl"])

    def newest_invoice(self) -> int:
        records = self.get("/api/client-invoice-history/get/", order="DESC").json()["list"]
        return int(records[0]["id"])

    def status(self, invoice: int) -> str:
        answer = self.get("/api/invoice/status/", id=invoice).json()
        return str(answer["invoice"]["status"])

    def infos(self, invoice: int) -> Any:
        return self.get("/api/client-invoice-info/get/", id=invoice).json()["data"]

    async def wait_for_status(self, invoice: int, status: str, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while (now := await asyncio.to_thread(self.status, invoice)) != status:
            assert time.monotonic() < deadline, f"invoice {invoice} is {now}, not {status}"
            await asyncio.sleep(0.1)


def nonstopay(*words: str) -> list[str]:
    return [sys.executable, "-m", "nonstopay", *words]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _header_names(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
