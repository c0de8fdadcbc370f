"""The merchant's own site, to which payers come back."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Shopfront:
    """Says thank you to everybody, and remembers who came with what referrer."""

    def __init__(self) -> None:
        self.visits: list[tuple[str, str | None]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://{self.host}/{path}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        front = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if "favicon" not in self.path:
                    front.visits.append((self.path, self.headers.get("Referer")))
                body = b"<!doctype html><title>Shop</title><link rel=icon href='data:,'><h1>Thanks</h1>"
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def open_shopfront() -> Iterator[Shopfront]:
    front = Shopfront()
    try:
        yield front
    finally:
        front.close()
