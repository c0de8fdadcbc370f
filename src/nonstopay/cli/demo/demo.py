"""`nonstopay demo`: everything started on a sandbox, and a payment taken while you watch.

The gateway runs as `nonstopay serve` beside us. What happens to it comes from outside, as it would
in the world: a shop with an API key, a payer's browser without JavaScript, a bank. Only the merchant is
made, and the books read, from inside.
"""

import asyncio
import shutil
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from nonstopay.cli.demo import story
from nonstopay.cli.demo.gateway_process import GatewayProcess
from nonstopay.cli.ports import free_port, is_free
from nonstopay.cli.terminal import Mark, Terminal
from nonstopay.cli.where import Where
from nonstopay.config import Settings
from nonstopay.errors import DatabaseUnavailable, Misconfigured
from nonstopay.store.embedded import EmbeddedPostgres

FOLDER = "nonstopay-demo"
MARKER = "made-by-nonstopay-demo"
_EXIT_INTERRUPTED = 130

Once = Annotated[bool, Parameter(help="End after the job.", negative=())]
Port = Annotated[int | None, Parameter(help="Port of the HTTP door (default 8080, or a free one).")]


def demo(*, once: Once = False, port: Port = None, where: Where = Where()) -> None:
    """Start everything on a sandbox, take a payment while you watch, serve until Ctrl-C.

    Its data are in the folder nonstopay-demo, which each demo begins anew; with --data or
    --database it adds to what is there.
    """
    terminal = Terminal()
    terminal.heading("nonstopay: a gateway, a shop, a payer and a bank on this machine")
    where = where if where.data or where.database else _fresh_place(where)
    settings = _settings(where, port, terminal)
    try:
        asyncio.run(_until_signalled(_show(terminal, settings, where, once=once)))
    except asyncio.CancelledError:
        terminal.say("interrupted")
        sys.exit(_EXIT_INTERRUPTED)


async def _show(terminal: Terminal, settings: Settings, where: Where, *, once: bool) -> None:
    async with GatewayProcess(settings, where) as gateway:
        terminal.heading("Starting")
        with terminal.step("the gateway, its worker and its PostgreSQL") as step:
            await gateway.ready()
            step.found = f"{gateway.url}   log: {gateway.log}"
        async with story.told(terminal, settings, gateway) as after:
            if once:
                return
            terminal.faint("\nServing. What the shop hears appears here; Ctrl-C ends it all.")
            try:
                await after.tell_news(gateway)
            except asyncio.CancelledError:
                terminal.say("\nstopping…")
    terminal.marked(Mark.OK, "everything is stopped")


def _fresh_place(where: Where) -> Where:
    """The demo's own folder, emptied. Another's folder of that name is never touched.

    Raises:
        Misconfigured: it is not the demo's, or a demo is running in it.
    """
    folder = Path(FOLDER).absolute()
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).is_file():
            raise Misconfigured(
                f"{folder} was not made by a demo and is left alone; choose a folder with --data"
            )
        if _is_running(folder):
            raise Misconfigured(f"a demo is running in {folder}; stop it, or choose with --data")
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / MARKER).write_text("The next demo deletes this folder.\n")
    return Where(data=str(folder), config=where.config, live=where.live)


def _is_running(folder: Path) -> bool:
    try:
        EmbeddedPostgres.attach(folder)
    except DatabaseUnavailable:
        return False
    return True


def _settings(where: Where, port: int | None, terminal: Terminal) -> Settings:
    """The settings of a sandbox; on a free port where the usual one is taken and none was asked for.

    Raises:
        Misconfigured: live, or the port that was asked for is taken.
    """
    settings = where.settings(port=port)
    if settings.live:
        raise Misconfigured("the demo pretends payments: it runs on a sandbox only")
    if is_free(settings.host, settings.port):
        return settings
    if port is not None:
        raise Misconfigured(f"port {port} is taken; choose another, or none to get a free one")
    free = free_port(settings.host)
    terminal.marked(Mark.WARN, f"port {settings.port} is taken, so this one is on {free}")
    return msgspec.structs.replace(settings, port=free)


async def _until_signalled(main: Coroutine[Any, Any, None]) -> None:
    """Run `main`; Ctrl-C, SIGTERM and a closed terminal cancel it, so that it stops in good order."""
    task = asyncio.ensure_future(main)
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    await task
