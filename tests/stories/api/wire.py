"""What a polite client cannot send: doubled headers, other addresses, bodies that break off."""

import http.client
import json
import socket
from collections.abc import Iterable
from typing import Any

from tests.stories.gateway import Answer, Merchant

CREATE = "/api/btn-create-invoice/get/"
STATUS = "/api/invoice/status/"
INFOS = "/api/client-invoice-info/get/"
HISTORY = "/api/client-invoice-history/get/"
GOOD: dict[str, Any] = {"email": "payer@example.com", "amount": 1, "devise": "USD"}
JSON = ("Content-Type", "application/json")

Headers = Iterable[tuple[str, str]]


def send(
    merchant: Merchant,
    path: str,
    body: Any = None,
    headers: Headers = (JSON,),
    *,
    method: str = "POST",
    source: str = "127.0.0.1",
) -> Answer:
    """One call with exactly these headers, in this order, from an address of this machine."""
    raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    connection = http.client.HTTPConnection(
        "127.0.0.1", merchant.gateway.port, timeout=30, source_address=(source, 0)
    )
    try:
        connection.putrequest(method, path)
        connection.putheader("API-KEY", merchant.api_key)
        for name, value in headers:
            connection.putheader(name, value)
        if raw is not None:
            connection.putheader("Content-Length", str(len(raw)))
        connection.endheaders(raw)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.headers), answer.read())
    finally:
        connection.close()


def send_raw(merchant: Merchant, head: Iterable[str], body: Iterable[bytes]) -> bytes:
    """Write a request as bytes, however broken; the beginning of what comes back within a second."""
    lines = [f"POST {CREATE} HTTP/1.1", "Host: gateway", f"API-KEY: {merchant.api_key}", *head]
    with socket.create_connection(("127.0.0.1", merchant.gateway.port), timeout=30) as wire:
        wire.sendall("\r\n".join([*lines, "", ""]).encode())
        for part in body:
            wire.sendall(part)
        wire.settimeout(1)
        try:
            return wire.recv(65536)
        except TimeoutError:
            return b""


def code(answer: Answer) -> int:
    """The `errorCode`, of an answer under HTTP 200."""
    assert answer.status == 200, answer.text
    return int(answer.json()["errorCode"])


def total(merchant: Merchant) -> int:
    """How many invoices the merchant has."""
    return int(merchant.get(HISTORY).json()["total"])
