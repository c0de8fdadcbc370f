"""`nonstopay chain`: the chains' state, and the recovery sheet."""

from dataclasses import asdict, dataclass
from typing import Annotated

import asyncpg
import msgspec
from cyclopts import App, Parameter

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.deposits import records
from nonstopay.business.deposits.check import check
from nonstopay.business.deposits.sheet import sheet as lines_of
from nonstopay.business.deposits.states import State
from nonstopay.business.deposits.watch import records as watching
from nonstopay.business.deposits.watch.cursor import Cursor
from nonstopay.business.deposits.watch.read_again import read_again as read_blocks_again
from nonstopay.cli.merchant import run
from nonstopay.cli.terminal import Terminal
from nonstopay.cli.where import Where

app = App(name="chain", help="How far the chains were read, and the addresses that were given.")
Json = Annotated[bool, Parameter(name="--json", negative=())]


@dataclass(frozen=True)
class Watched:
    """A network's state. `lag`: blocks not read yet; `silent_seconds`: since a node answered."""

    network: str
    block: int
    lag: int
    silent_seconds: int
    waiting: int
    frozen: int


@dataclass(frozen=True)
class Usage:
    """An account's addresses: given, the highest number given and paid to, and the longest run of
    unpaid ones before a paid one: the gap limit of a wallet that shall find everything exceeds it."""

    family: str
    first_address: str
    given: int
    last_index: int
    last_paid_index: int | None
    gap: int


@app.command
def status(*, as_json: Json = False, where: Where = Where()) -> None:
    """Each network as far as it was read, and how many addresses each account has given."""

    async def act(gateway: Gateway) -> tuple[list[Watched], list[Usage]]:
        async with gateway.db.reading() as conn:
            counts = await records.open_counts(conn)
            networks = [_watched(one, counts) for one in await watching.cursors(conn)]
            return networks, [_usage(row) for row in await records.usage(conn)]

    networks, usage = run(where, act)
    if as_json:
        told = {"networks": list(map(asdict, networks)), "accounts": list(map(asdict, usage))}
        print(msgspec.json.encode(told).decode())
        return
    _print("NETWORK BLOCK LAG SILENT WAITING FROZEN", networks, "no network was watched yet")
    _print("FAMILY ACCOUNT GIVEN LAST PAID GAP", usage, "no address was given yet")


@app.command
def sheet(*, where: Where = Where()) -> None:
    """The recovery sheet as CSV: every address, its path below the account, and its invoice."""

    async def act(gateway: Gateway) -> None:
        async with gateway.db.reading() as conn:
            async for line in lines_of(conn, gateway.chains):
                print(line, end="")

    run(where, act)


@app.command
def read_again(network: str, first: int, last: int, /, *, where: Where = Where()) -> None:
    """Read blocks of a network once more, where `nonstopay proof --chain` finds something missing.

    Parameters
    ----------
    first, last
        Numbers of blocks that were read before.
    """

    async def act(gateway: Gateway) -> int:
        await check(gateway.chains)
        return await read_blocks_again(gateway.db, gateway.chains, network, first, last)

    print(f"{run(where, act)} deposits were missing, and are there now")


def _watched(one: Cursor, counts: dict[tuple[str, str], int]) -> Watched:
    silent = clock.now() - clock.offset() - one.looked_at
    return Watched(
        network=one.network,
        block=one.number,
        lag=one.lag,
        silent_seconds=max(0, round(silent.total_seconds())),
        waiting=counts.get((one.network, State.SEEN), 0),
        frozen=counts.get((one.network, State.FROZEN), 0),
    )


def _usage(row: asyncpg.Record) -> Usage:
    return Usage(
        family=row["family"],
        first_address=row["account"],
        given=row["given"],
        last_index=row["last"],
        last_paid_index=row["last_paid"],
        gap=row["gap"],
    )


def _print(heads: str, rows: list[Watched] | list[Usage], otherwise: str) -> None:
    if not rows:
        print(otherwise)
        return
    cells = [["" if cell is None else str(cell) for cell in asdict(one).values()] for one in rows]
    Terminal().table(heads.split(), cells)
