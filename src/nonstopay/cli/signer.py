"""`nonstopay signer`: the process that holds the hot wallet's key, and nothing else of the gateway."""

import asyncio
import signal
from pathlib import Path

from nonstopay.business.deposits.connect import has_own_chains, table_of
from nonstopay.business.transactions.wiring import socket_of
from nonstopay.cli import logs
from nonstopay.cli.processes import Lifeline
from nonstopay.cli.where import Where
from nonstopay.config import Settings
from nonstopay.errors import Misconfigured
from nonstopay.signer import key
from nonstopay.signer.journal import Journal
from nonstopay.signer.limits import limits_of
from nonstopay.signer.server import serve, shut_in
from nonstopay.signer.signer import Signer

FOLDER = "signer"
JOURNAL = "journal.jsonl"
SANDBOX_KEY = "sandbox.key"


def signer(*, lifeline: Lifeline = None, where: Where = Where()) -> None:
    """Hold the hot wallet's key, and sign what the limits allow. It needs no database."""
    settings = where.settings()
    logs.configure(settings)
    shut_in()
    folder = settings.data_path / FOLDER
    held = key.read(_key_file(settings, folder))
    journal = Journal(folder / f"{held.address}.{JOURNAL}")
    try:
        signs = Signer(held, table_of(settings), journal, limits_of(settings))
        asyncio.run(_serve(signs, socket_of(settings), lifeline))
    finally:
        journal.close()


def _key_file(settings: Settings, folder: Path) -> Path:
    """Where the key is; the sandbox's own chains have one of their own, made when it is needed."""
    if settings.signer_key_file:
        return Path(settings.signer_key_file)
    if not has_own_chains(settings):
        raise Misconfigured("signer_key_file names no file: there is nothing to sign with")
    made = folder / SANDBOX_KEY
    key.generate(made)
    return made


async def _serve(signs: Signer, place: Path, lifeline: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    if lifeline is not None:
        loop.add_reader(lifeline, stop.set)
    await serve(signs, place, stop)
