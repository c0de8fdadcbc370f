"""`nonstopay doctor`: is this installation in order, and if not, what to do. It changes nothing."""

import asyncio
import ipaddress
import os
import platform
import re
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from nonstopay import config
from nonstopay.business.assembly import SANDBOX
from nonstopay.cli.doctor import chains, database, door
from nonstopay.cli.doctor.finding import Finding, Verdict, fail, ok, warn
from nonstopay.cli.terminal import Mark, Terminal
from nonstopay.cli.where import Where, database_of
from nonstopay.config import PREFIX, SECRET_BYTES_MIN, Settings
from nonstopay.connectors import card, upi
from nonstopay.connectors.base import find
from nonstopay.connectors.http import ProviderHttp
from nonstopay.errors import Misconfigured, NonstopayError
from nonstopay.store.installation import KEY_FILE
from nonstopay.store.postgres_binaries import find_binaries
from nonstopay.store.postgres_cluster import Cluster

_MARKS = {Verdict.OK: Mark.OK, Verdict.WARN: Mark.WARN, Verdict.FAIL: Mark.FAIL}
_MANY_ADDRESSES = 1 << 16
_SECRET = re.compile(r"secret|password|_key", re.IGNORECASE)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

AsJson = Annotated[bool, Parameter(name="--json", negative=())]


def doctor(*, as_json: AsJson = False, where: Where = Where()) -> None:
    """Check this installation and say what to do; leaves with 1 if anything must be mended."""
    settings = _settings(where)
    findings = list(examine(settings, where.config))
    failed = sum(one.verdict is Verdict.FAIL for one in findings)
    if as_json:
        print(msgspec.json.encode({"ok": not failed, "checks": findings}).decode())
    else:
        _print(findings)
    sys.exit(1 if failed else 0)


def examine(settings: Settings, file: Path | None = None) -> Iterator[Finding]:
    """Every check of an installation, in the order of what depends on what.

    Args:
        file: the TOML file that the settings came from; its permissions are looked at.
    """
    yield python()
    yield secret_key(settings)
    yield from secret_files(settings, os.environ, file)
    yield providers(settings)
    yield from chains.examine(settings)
    yield mail(settings)
    yield data_folder(settings.data_path, needed=not settings.database)
    yield base_url(settings)
    yield from trusted_proxies(settings)
    api_url = ""
    if (missing := _missing_cluster(settings)) is not None:
        yield missing
    else:
        try:
            with database_of(settings) as url:
                found = asyncio.run(database.examine(settings, url))
        except NonstopayError as error:
            yield fail("database", str(error), "start it, or name another with --database")
        else:
            api_url = found.api_url
            yield from found.findings
    yield asyncio.run(door.examine(settings, api_url))


def python() -> Finding:
    """The interpreter, and that it runs the assertions that guard money."""
    version = platform.python_version()
    if sys.flags.optimize:
        return fail("python", f"{version} with -O", "run without -O: assertions guard money")
    return ok("python", f"{version}, assertions on")


def secret_key(settings: Settings) -> Finding:
    """Whether the secret is there and strong; a sandbox may make its own."""
    if settings.live:
        try:
            config.require_live_secret(msgspec.structs.replace(settings, base_url="https://-"))
        except Misconfigured as error:
            said, _, advice = error.message.partition("; ")
            return fail("secret key", said, advice)
        return ok("secret key", f"{len(settings.secret_key.encode())} bytes")
    if not settings.secret_key:
        return ok("secret key", f"the sandbox's own, {settings.data_path / KEY_FILE}")
    if len(settings.secret_key.encode()) < SECRET_BYTES_MIN:
        return fail("secret key", "too short", f"use at least {SECRET_BYTES_MIN} bytes")
    return ok("secret key", "given")


def secret_files(
    settings: Settings, environment: Mapping[str, str], file: Path | None
) -> Iterator[Finding]:
    """Files that hold secrets are their owner's alone; the environment is no place for one."""
    ours = {name: text for name, text in environment.items() if name.startswith(PREFIX)}
    places = [Path(text) for name, text in ours.items() if name.endswith("_FILE")]
    written = file or Path(ours.get(f"{PREFIX}CONFIG", ""))
    if written.is_file() and _SECRET.search(written.read_text(errors="replace")):
        places.append(written)
    if (own := settings.data_path / KEY_FILE).exists():
        places.append(own)
    yield from map(_secret_file, places)
    for name in ours:
        if _SECRET.search(name) and not name.endswith("_FILE"):
            advice = f"put it into a file and name that in {name}_FILE"
            yield warn(
                "secrets", f"{name} is in the environment, which child processes see", advice
            )


def _secret_file(place: Path) -> Finding:
    """A group may read it (systemd hands credentials out so), which somebody should know."""
    mode = stat.S_IMODE(place.stat().st_mode)
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        return fail("secret file", f"others can reach {place} ({mode:o})", f"chmod 600 {place}")
    if mode & stat.S_IRGRP:
        return warn("secret file", f"the group of {place} can read it", f"chmod 600 {place}")
    return ok("secret file", f"{place} is its owner's alone")


def providers(settings: Settings) -> Finding:
    """Live, payers need a bank that is not pretended; each one that is named has all its keys."""
    rails = (("upi", "UPI", settings.upi, upi), ("card", "cards", settings.card, card))
    for rail, _, configured, package in rails:
        known = {name: make for name, make in find(package).items() if name != SANDBOX[rail]}
        if unknown := [name for name in configured if name not in known]:
            advice = f"there are: {', '.join(known) or 'none yet'}"
            return fail("providers", f"unknown: {', '.join(unknown)}", advice)
        for name, options in configured.items():
            try:
                known[name](ProviderHttp(), options)
            except Misconfigured as problem:
                return fail("providers", str(problem), f"put it into [{rail}.{name}]")
    if told := [f"{label}: {', '.join(names)}" for _, label, names, _ in rails if names]:
        return ok("providers", "; ".join(told))
    if settings.live:
        return fail(
            "providers", "none: nobody can pay", "name one in the configuration, [upi.NAME]"
        )
    return ok("providers", "the sandbox's pretend bank")


def mail(settings: Settings) -> Finding:
    """Live, merchants must hear that their webhooks were switched off."""
    if settings.smtp_host:
        return ok("mail", f"by {settings.smtp_host}:{settings.smtp_port}")
    if settings.live:
        return warn(
            "mail",
            "no relay: letters to merchants are kept, not sent",
            "set NONSTOPAY_SMTP_HOST and NONSTOPAY_MAIL_FROM",
        )
    return ok("mail", "the sandbox shows letters at /sandbox/mail")


def data_folder(folder: Path, *, needed: bool) -> Finding:
    """The folder of the embedded database is ours alone."""
    if not folder.exists():
        text = f"{folder} is not there"
        return ok("data folder", f"{text}; serve makes it" if needed else f"{text}, nor needed")
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & _OTHERS:
        return fail("data folder", f"others can reach {folder} ({mode:o})", f"chmod 700 {folder}")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return fail("data folder", f"{folder} is not ours", "run as its owner, or choose --data")
    return ok("data folder", f"{folder} is ours alone")


def base_url(settings: Settings) -> Finding:
    """Payers come by TLS when money is real."""
    if settings.base_url.startswith("https://") or not settings.live:
        return ok("base_url", settings.public_url)
    return fail(
        "base_url",
        f"payers would come to {settings.public_url}",
        "set NONSTOPAY_BASE_URL to the https:// address that payers see",
    )


def trusted_proxies(settings: Settings) -> Iterator[Finding]:
    """Whose X-Forwarded-For is believed: everybody's must not be, the own proxy's should."""
    if not settings.trusted_proxies and settings.base_url.startswith("https://"):
        yield warn(
            "trusted_proxies",
            "empty behind a proxy: every merchant seems to call from the proxy's address",
            "set NONSTOPAY_TRUSTED_PROXIES to the proxy's address, e.g. 127.0.0.1/32",
        )
    for text in settings.trusted_proxies:
        network = ipaddress.ip_network(text)
        if network.prefixlen == 0:
            yield fail(
                "trusted_proxies",
                f"{text} lets every caller choose his own address",
                "name the proxy's own addresses only",
            )
        elif not network.is_private and network.num_addresses > _MANY_ADDRESSES:
            yield warn("trusted_proxies", f"{text} is large and public", "name fewer addresses")
        else:
            yield ok("trusted_proxies", text)


def _settings(where: Where) -> Settings:
    """The settings as they are, without making a secret key as other commands do."""
    given = {"data": where.data, "database": where.database}
    live = {"mode": "live"} if where.live else {}
    return config.load({**given, **live}, os.environ, where.config)


def _missing_cluster(settings: Settings) -> Finding | None:
    """What is to be said instead of looking into a database that nobody has made yet."""
    if settings.database or Cluster(settings.data_path).exists():
        return None
    try:
        binaries = find_binaries()
    except Misconfigured as error:
        said, _, advice = error.message.partition(": ")
        return fail("database", said, advice)
    return warn(
        "database",
        f"none in {settings.data_path} yet; it would run {binaries / 'postgres'}",
        "run: nonstopay serve",
    )


def _print(findings: list[Finding]) -> None:
    terminal = Terminal()
    width = max(len(one.check) for one in findings)
    for one in findings:
        advice = f"{'':<{width}} → {one.advice}" if one.advice else ""
        terminal.marked(_MARKS[one.verdict], f"{one.check:<{width}}  {one.found}", advice)
    count: Callable[[Verdict], int] = [one.verdict for one in findings].count
    terminal.say(
        f"\n{count(Verdict.OK)} in order, {count(Verdict.WARN)} to think about, "
        f"{count(Verdict.FAIL)} to mend"
    )
