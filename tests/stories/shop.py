"""A merchant's own server: it keeps every webhook as it came, and answers as it is told to."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Message:
    raw: bytes
    headers: dict[str, str]

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


class Shop:
    """Listens for webhooks; `answers` are the statuses of the next ones, then 204."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.answers: list[int] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    async def wait_for(self, count: int, seconds: float = 20.0) -> list[Message]:
        """The messages once there are `count`."""
        deadline = time.monotonic() + seconds
        while len(self.messages) < count:
            assert time.monotonic() < deadline, f"{len(self.messages)} of {count} messages came"
            await asyncio.sleep(0.05)
        return list(self.messages)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                shop.messages.append(Message(raw, dict(self.headers)))
                self.send_response(shop.answers.pop(0) if shop.answers else 204)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Say nothing: the messages speak for themselves."""

        return Handler


@contextmanager
def open_shop() -> Iterator[Shop]:
    shop = Shop()
    try:
        yield shop
    finally:
        shop.close()
