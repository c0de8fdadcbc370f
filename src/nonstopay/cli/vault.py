"""`nonstopay vault`: the card vault's keys. Card numbers never come out here."""

import sys
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.cli.merchant import run
from nonstopay.cli.terminal import Terminal
from nonstopay.cli.where import Where
from nonstopay.store.vault.keyring import keyring_of
from nonstopay.store.vault.rotate import KeyUse, Progress, key_uses
from nonstopay.store.vault.rotate import rotate as reseal

app = App(name="vault", help="The card vault: its keys, and changing them.")
TELL_EVERY_SECONDS = 1.0
AsJson = Annotated[bool, Parameter(name="--json", negative=())]


@app.command
def status(*, as_json: AsJson = False, where: Where = Where()) -> None:
    """Which keys seal how many cards, and which may be retired."""

    async def act(gateway: Gateway) -> list[KeyUse]:
        return await key_uses(gateway.db, keyring_of(gateway.settings))

    uses = run(where, act)
    if as_json:
        print(msgspec.json.encode([_described(use) for use in uses]).decode())
    elif uses:
        heads = ("KEY", "CARDS", "SINCE", "")
        rows = [(use.id, str(use.cards), clock.text(use.first_seen_at), _said(use)) for use in uses]
        Terminal().table(heads, rows, right="CARDS")
    else:
        print("the vault has no keys and keeps no cards")


@app.command
def rotate(*, as_json: AsJson = False, where: Where = Where()) -> None:
    """Seal every card with the first of vault_keys, while traffic goes on.

    Ended in the middle, it goes on with what is left the next time. Leaves with 1 if cards are left.
    """
    terminal = Terminal()

    async def act(gateway: Gateway) -> tuple[Progress, list[KeyUse]]:
        keyring = keyring_of(gateway.settings)
        progress, told_at = Progress(0, 0), 0.0
        async for progress in reseal(gateway.db, keyring):
            late = terminal.seconds >= told_at + TELL_EVERY_SECONDS
            if progress.left and late and not as_json:
                terminal.say(_told(progress))
                told_at = terminal.seconds
        return progress, await key_uses(gateway.db, keyring)

    progress, uses = run(where, act)
    if as_json:
        print(
            msgspec.json.encode(
                {
                    "resealed": progress.resealed,
                    "left": progress.left,
                    "unreadable": progress.unreadable,
                    "keys": [_described(use) for use in uses],
                }
            ).decode()
        )
    else:
        _conclude(terminal, progress, uses)
    sys.exit(1 if progress.left else 0)


def _told(progress: Progress) -> str:
    return f"sealed anew: {progress.resealed}, left: {progress.left}"


def _conclude(terminal: Terminal, progress: Progress, uses: list[KeyUse]) -> None:
    terminal.say(_told(progress))
    for merchant_id, card_id in progress.unreadable:
        terminal.say(
            f"card {card_id} of merchant {merchant_id} does not open: it was tampered with"
        )
    if progress.left > len(progress.unreadable):
        terminal.say(
            "some were written with an old key meanwhile: restart what runs, run this again"
        )
    if retired := [use.id for use in uses if use.may_be_retired]:
        terminal.say(f"no card needs {', '.join(retired)} any more: take it out of vault_keys")


def _said(use: KeyUse) -> str:
    if use.newest:
        return "seals"
    if not use.ours:
        return "retired"
    return "may be retired" if use.may_be_retired else "opens; run: nonstopay vault rotate"


def _described(use: KeyUse) -> dict[str, str | int | bool]:
    return {
        "id": use.id,
        "cards": use.cards,
        "seals": use.newest,
        "in_settings": use.ours,
        "may_be_retired": use.may_be_retired,
        "since": clock.text(use.first_seen_at),
    }
