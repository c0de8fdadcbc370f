"""A webhook receiver to copy: Python's standard library and nothing else.

    WEBHOOK_SECRETS="whsec_… whsec_…" INBOX=inbox.db python receiver.py 8090

`app` runs under any WSGI server. A message is kept before it is answered, and worked on afterwards:
`SELECT * FROM inbox WHERE state = 'new' ORDER BY number`.
"""

import base64
import hmac
import json
import os
import sqlite3
import sys
import time
from contextlib import closing
from wsgiref.simple_server import make_server

TOLERANCE_SECONDS = 300
BODY_MAX = 256 * 1024


def verify(secrets, headers, body, now=None):
    """Whether one of our secrets signed this, at most five minutes ago.

    `secrets`: one, or two while they change. `headers`: names in lower case. `body`: the raw bytes,
    before anything parsed them.
    """
    timestamp = headers.get("webhook-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    signed = f"{headers.get('webhook-id', '')}.{timestamp}.".encode() + body
    standard = headers.get("webhook-signature", "").split(" ")
    plain = [headers.get("x-signature", ""), headers.get("x-signature-previous", "")]
    return any(
        _among(_standard(secret, signed), standard) and _among(_plain(secret, body), plain)
        for secret in secrets
    )


def _standard(secret, signed):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def _plain(secret, body):
    return hmac.digest(secret.encode(), body, "sha256").hex()


def _among(expected, offered):
    return any(hmac.compare_digest(expected.encode(), one.encode()) for one in offered)


def keep(inbox, message_id, body):
    """Keep a verified message once: "new", "repeat", or "stale" if a newer one of its object came.

    The number in `webhook-id` grows with every event of an object, and it is signed.
    """
    facts = json.loads(body)
    about = f"{facts['status'].partition(':')[0]} {facts['id']}"
    number = int(message_id.removeprefix("evt_"))
    with closing(sqlite3.connect(inbox, isolation_level=None, timeout=10)) as db:
        db.execute(
            "CREATE TABLE IF NOT EXISTS inbox"
            " (message_id TEXT PRIMARY KEY, about TEXT, number INTEGER, body BLOB, state TEXT)"
        )
        db.execute("BEGIN IMMEDIATE")
        if db.execute("SELECT 1 FROM inbox WHERE message_id = ?", [message_id]).fetchone():
            return "repeat"
        newest = "SELECT coalesce(max(number), 0) FROM inbox WHERE about = ?"
        state = "new" if number > db.execute(newest, [about]).fetchone()[0] else "stale"
        row = [message_id, about, number, body, state]
        db.execute("INSERT INTO inbox VALUES (?, ?, ?, ?, ?)", row)
        db.execute("COMMIT")
        return state


def app(environ, start_response):
    """The WSGI function: verify, keep, answer. 2xx only for what is kept."""

    def answer(status, word):
        start_response(status, [("Content-Type", "text/plain")])
        return [word.encode() + b"\n"]

    if environ["REQUEST_METHOD"] != "POST":
        return answer("405 Method Not Allowed", "POST only")
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > BODY_MAX:
        return answer("413 Content Too Large", "too large")
    body = environ["wsgi.input"].read(length)
    names = (name for name in environ if name.startswith("HTTP_"))
    headers = {name[5:].replace("_", "-").lower(): environ[name] for name in names}
    if not verify(os.environ["WEBHOOK_SECRETS"].split(), headers, body):
        return answer("401 Unauthorized", "refused")
    return answer("200 OK", keep(os.environ["INBOX"], headers["webhook-id"], body))


if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), app).serve_forever()
