"""The doctor's look at PostgreSQL and at what is in it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from nonstopay import clock
from nonstopay.business.payments.returns.figures import Returns, returns
from nonstopay.business.webhooks import records as webhooks
from nonstopay.business.webhooks.rotate import open_secrets
from nonstopay.cli.doctor import chains
from nonstopay.cli.doctor.finding import Finding, fail, ok, warn
from nonstopay.config import Settings
from nonstopay.errors import Misconfigured
from nonstopay.sandbox import clock as sandbox_clock
from nonstopay.store import installation, observation
from nonstopay.store.db import Connection, Database
from nonstopay.store.migrate import pending
from nonstopay.store.observation import Server
from nonstopay.store.seal import SealBroken, Sealer, derive
from nonstopay.store.vault.keyring import Keyring, keyring_of
from nonstopay.store.vault.vault import key_problem

VERSIONS = range(15, 19)
SKEW_MAX = timedelta(seconds=1)
RETURN_MAX = timedelta(days=1)
# `local` waits for this server's disk, and so does everything stronger.
_DURABLE = {
    "fsync": {"on"},
    "synchronous_commit": {"on", "local", "remote_write", "remote_apply"},
    "full_page_writes": {"on"},
}


class Found(NamedTuple):
    """The findings, and where this installation says its HTTP is reached; empty if unknown."""

    findings: list[Finding]
    api_url: str


async def examine(settings: Settings, url: str) -> Found:
    """Every check of the database at `url`. Raises as `Database.open` does."""
    db = await Database.open(url, min_size=1, max_size=2)
    try:
        before = _machine_now()
        conn = await db.connect()
        after = _machine_now()
        try:
            server = await observation.server(conn)
            findings = [version(server), role(server), *durability(server)]
            findings.append(skew(before, server.session_began_at, after))
            migrations = await _migrations(conn)
            if migrations.advice:
                return Found([*findings, migrations], "")
            if not settings.live:
                await sandbox_clock.step(db)
            findings += [migrations, await _insert_only(conn), await _key_fits(conn, settings)]
            findings.append(await _vault(conn, settings))
            findings.append(rates(settings, await observation.newest_rate(conn)))
            findings.append(money_back(await returns(conn, clock.now())))
            findings += await chains.watched(db)
            return Found(findings, await installation.where(conn))
        finally:
            await conn.close()
    finally:
        await db.close()


def version(server: Server) -> Finding:
    if server.version in VERSIONS:
        return ok("postgresql", f"version {server.version}")
    return fail(
        "postgresql",
        f"version {server.version}",
        f"use PostgreSQL {VERSIONS.start} to {VERSIONS.stop - 1}",
    )


def role(server: Server) -> Finding:
    """A superuser is bound by no REVOKE, so the books would be insert-only in name alone."""
    if not server.superuser:
        return ok("database role", "no superuser: what is revoked is refused")
    return fail(
        "database role",
        "a superuser, whom no REVOKE binds: the books could be rewritten",
        "make a role with NOSUPERUSER that owns the database, and name it in --database",
    )


def durability(server: Server) -> Iterator[Finding]:
    """What was answered must outlive a loss of power."""
    for name, value in server.durability.items():
        if value in _DURABLE[name]:
            yield ok(name, value)
        else:
            advice = f"write {name} = on into postgresql.conf and reload the server"
            yield fail(name, f"{value}: a loss of power may lose payments", advice)


def skew(before: datetime, server: datetime, after: datetime) -> Finding:
    """How far the database's clock is off ours.

    Args:
        before, after: our clock around the moment that the server noted as `server`.
    """
    off = max(before - server, server - after, timedelta(0))
    text = f"{off / timedelta(milliseconds=1):.0f} ms between this machine and the database"
    if off <= SKEW_MAX:
        return ok("clocks", text)
    return fail("clocks", text, "run an NTP client (chrony, systemd-timesyncd) on both")


def rates(settings: Settings, newest: datetime | None) -> Finding:
    """Live, payments in another currency are refused when rates are too old."""
    if newest is None:
        return fail("exchange rates", "none", "run: nonstopay migrate, which brings the first")
    days = (clock.now() - newest).days
    text = f"of {newest:%Y-%m-%d}, {days} days old"
    if not settings.live:
        return ok("exchange rates", f"{text}; a sandbox takes any")
    if days > settings.rate_max_age_days:
        return fail(
            "exchange rates",
            f"{text}: payments that need them are refused",
            f"see that the worker reaches {settings.rates_url}",
        )
    return ok("exchange rates", text)


def money_back(found: Returns) -> Finding:
    """Money for payers must not lie here because nobody looks."""
    text = f"{found.open} on their way to payers"
    if found.open:
        text += f", the oldest for {found.oldest // timedelta(hours=1)} hours"
    if found.refused:
        return fail(
            "returns",
            f"{text}; {found.refused} refused by the provider",
            "search the log for 'refuses to give money back', and send it by hand",
        )
    if found.oldest > RETURN_MAX:
        return warn("returns", text, "ask the provider about refunds that it does not confirm")
    return ok("returns", text)


async def _migrations(conn: Connection) -> Finding:
    try:
        missing = await pending(conn)
    except Misconfigured as error:
        return fail("migrations", str(error), "run the version of nonstopay that fits")
    if missing:
        return fail("migrations", f"missing: {', '.join(missing)}", "run: nonstopay migrate")
    return ok("migrations", "all applied")


async def _insert_only(conn: Connection) -> Finding:
    """Whether the database itself refuses to rewrite what is written once."""
    if through := await observation.changes_let_through(conn):
        return fail(
            "insert-only",
            f"PostgreSQL would let through: {', '.join(through)}",
            "use the role that ran the migrations, and see that it is no superuser",
        )
    return ok("insert-only", "UPDATE and DELETE on the books and their like were tried: refused")


async def _key_fits(conn: Connection, settings: Settings) -> Finding:
    """Whether the secret key opens what this database holds sealed."""
    sealed = await webhooks.sealed_secrets(conn, await observation.merchants(conn), clock.now())
    try:
        keys = [settings.secret_key or _own_key(settings), *settings.previous_secret_keys]
        sealer = Sealer([derive(key.encode(), "seal") for key in keys])
        count = sum(len(open_secrets(sealer, whose, blobs)) for whose, blobs in sealed.items())
    except (SealBroken, Misconfigured) as error:
        return fail("sealed secrets", str(error), "set NONSTOPAY_SECRET_KEY_FILE to the old key")
    if not count:
        return warn("sealed secrets", "none yet", "run: nonstopay merchant create")
    return ok("sealed secrets", f"{count} opened with this secret key")


async def _vault(conn: Connection, settings: Settings) -> Finding:
    """Whether the vault's keys are there, strong, and those that its cards need."""
    try:
        keyring = keyring_of(_with_own_key(settings))
        problem = await key_problem(conn, keyring)
    except Misconfigured as error:
        keyring, problem = Keyring([]), str(error)
    if problem:
        return fail("card vault", problem, "give the key back, or see docs/vault.md")
    if not keyring:
        return ok("card vault", "no keys, no cards: none can be kept")
    return ok("card vault", f"{keyring.newest} seals; the keys open every card there is")


def _with_own_key(settings: Settings) -> Settings:
    if settings.live or settings.secret_key:
        return settings
    return msgspec.structs.replace(settings, secret_key=_own_key(settings))


def _own_key(settings: Settings) -> str:
    file = settings.data_path / installation.KEY_FILE
    if settings.live or not file.exists():
        raise Misconfigured("there is no secret key")
    return file.read_text().strip()


def _machine_now() -> datetime:
    return clock.now() - clock.offset()
