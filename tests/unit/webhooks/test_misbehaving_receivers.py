"""Whatever a receiver does, it costs us little, and the attempt says what happened."""

import asyncio
import gzip
import resource
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from nonstopay import clock
from nonstopay.business.webhooks import send
from nonstopay.business.webhooks.delivery import Attempt
from nonstopay.business.webhooks.explain import explain
from nonstopay.connectors import public_http
from nonstopay.store.db import Database
from tests.unit.webhooks.hook import (
    Answer,
    Hook,
    Request,
    Shop,
    delivering,
    listening,
    status,
    until,
)


async def one_attempt(shop: Shop, db: Database) -> Attempt:
    event_id = await shop.happens(7, "created")

    async def recorded() -> bool:
        return bool(await shop.attempts(event_id))

    async with delivering(db):
        await until(recorded)
    return (await shop.attempts(event_id))[0]


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's TLS context with a certificate of its own making."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .sign(key, SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def raw(sent: bytes, then_wait_seconds: float = 0) -> Answer:
    """Sends these bytes, then ends the connection."""

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()
        await asyncio.sleep(then_wait_seconds)
        raise ConnectionResetError

    return answer


@pytest.mark.parametrize("code", [199 + 1, 201, 204, 299])
async def test_any_2xx_is_a_receipt(code: int, shop: Shop, hook: Hook, database: Database) -> None:
    hook.answer = status(code)

    assert (await one_attempt(shop, database)).received


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_is_not_followed(
    code: int, shop: Shop, hook: Hook, database: Database
) -> None:
    async with listening(Hook()) as elsewhere:
        hook.answer = status(code, f"Location: {elsewhere.url}")
        attempt = await one_attempt(shop, database)

    assert (attempt.status, attempt.received) == (code, False)
    assert elsewhere.connections == 0
    assert "Redirects are not followed" in explain(attempt)


@pytest.mark.parametrize("code", [400, 401, 404, 418, 429, 500, 503])
async def test_other_statuses_are_failures(
    code: int, shop: Shop, hook: Hook, database: Database
) -> None:
    hook.answer = status(code, body=b"no")
    attempt = await one_attempt(shop, database)

    assert (attempt.status, attempt.received, attempt.response) == (code, False, "no")


async def test_retry_after_is_honoured(shop: Shop, hook: Hook, database: Database) -> None:
    hook.answer = status(429, "Retry-After: 7200")
    attempt = await one_attempt(shop, database)

    [delivery] = await shop.deliveries(7)
    assert 7195 < (delivery.next_attempt_at - attempt.at).total_seconds() < 7205


async def test_no_answer_in_time_is_a_failure(
    shop: Shop, hook: Hook, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "TIMEOUT_SECONDS", 1)
    hook.answer = raw(b"HTTP/1.1 200 OK\r\n", then_wait_seconds=30)
    attempt = await one_attempt(shop, database)

    assert (attempt.status, attempt.problem) == (None, "timeout")
    assert 900 < attempt.duration_ms < 3000
    assert "Answer 200 first" in explain(attempt)


async def test_a_closed_connection_is_a_failure(shop: Shop, hook: Hook, database: Database) -> None:
    hook.answer = raw(b"")
    assert (await one_attempt(shop, database)).problem == "reset"


async def test_what_is_no_http_is_a_failure(shop: Shop, hook: Hook, database: Database) -> None:
    hook.answer = raw(b"220 mail.example ESMTP\r\n")
    assert (await one_attempt(shop, database)).problem == "not_http"


async def test_nobody_listening_is_a_failure(shop: Shop, hook: Hook, database: Database) -> None:
    async with listening(Hook()) as closed:
        pass
    await shop.listens_at(closed.url)
    attempt = await one_attempt(shop, database)

    assert attempt.problem == "refused"
    assert "nothing listens" in explain(attempt)


async def test_a_certificate_that_nobody_vouches_for_is_a_tls_failure(
    shop: Shop, database: Database, tmp_path: Path
) -> None:
    async with listening(Hook(), self_signed(tmp_path)) as hook:
        await shop.listens_at(hook.url.replace("http:", "https:"))
        attempt = await one_attempt(shop, database)

    assert hook.requests == []
    assert attempt.problem == "tls"
    assert "self-signed" in (attempt.detail or "")
    assert "certificate" in explain(attempt)


async def test_an_endless_body_is_cut_and_costs_no_memory(
    shop: Shop, hook: Hook, database: Database
) -> None:
    sent = 0

    async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while sent < 1_000_000_000:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    hook.answer = endless
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    attempt = await one_attempt(shop, database)

    assert attempt.received
    assert attempt.response == "x" * 2048
    assert sent < 20_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


async def test_a_body_that_drips_is_cut_and_the_receipt_counts(
    shop: Shop, hook: Hook, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_http, "ANSWER_BODY_SECONDS", 1)

    async def drip(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.2)

    hook.answer = drip
    attempt = await one_attempt(shop, database)

    assert attempt.received
    assert set(attempt.response or "") == {"."}
    assert attempt.duration_ms < 3000


async def test_a_gzip_bomb_stays_packed(shop: Shop, hook: Hook, database: Database) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    hook.answer = status(200, "Content-Encoding: gzip", body=bomb)
    started = clock.stopwatch()
    attempt = await one_attempt(shop, database)

    assert attempt.received
    assert (attempt.response or "").startswith("\x1f")
    assert len(attempt.response or "") <= 2048
    assert "\0" not in (attempt.response or "")
    assert clock.stopwatch() - started < 2


async def test_a_receivers_cookie_does_not_come_back(
    shop: Shop, hook: Hook, database: Database
) -> None:
    hook.answer = status(200, "Set-Cookie: track=1")
    async with delivering(database):
        await shop.happens(1, "created")
        await until(lambda: len(hook.requests) == 1)
        await shop.happens(2, "created")
        await until(lambda: len(hook.requests) == 2)

    assert all("cookie" not in request.headers for request in hook.requests)


async def test_a_body_that_cannot_be_built_is_our_fault_and_stops_nobody(
    shop: Shop, hook: Hook, database: Database
) -> None:
    async with database.transaction() as tx:
        event_id = await tx.fetchval(
            """INSERT INTO event (merchant_id, kind, object, object_id, version, facts, created_at)
               VALUES ($1, 'k', 'fund', 1, 1, '{}', $2) RETURNING id""",
            shop.id,
            clock.now(),
        )

    attempt = await one_attempt(shop, database)

    assert attempt.received
    [other] = await shop.attempts(event_id)
    assert other.problem == "not_built"
    assert "our fault" in explain(other)
