"""`nonstopay transaction`: what leaves the hot wallet, and hurrying it."""

from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.transactions import records
from nonstopay.business.transactions.states import DONE, State
from nonstopay.business.transactions.transaction import Transaction
from nonstopay.cli.merchant import run
from nonstopay.cli.terminal import Terminal
from nonstopay.cli.where import Where
from nonstopay.errors import Conflict, NotFound
from nonstopay.money import Money, coin

app = App(
    name="transaction", help="What leaves the hot wallet: see it, send it again, raise its fee."
)
Json = Annotated[bool, Parameter(name="--json", negative=())]
SHOWN_MAX = 200


@app.command(name="list")
def list_transactions(*, done: bool = False, as_json: Json = False, where: Where = Where()) -> None:
    """Transactions that are under way or failed, the newest first.

    Parameters
    ----------
    done
        All of them.
    """
    states = [one for one in State if done or one not in (State.CONFIRMED, State.REFUSED)]

    async def act(gateway: Gateway) -> list[Transaction]:
        async with gateway.db.reading() as conn:
            return await records.newest(conn, states, SHOWN_MAX)

    shown = [_facts(one) for one in run(where, act)]
    if as_json:
        print(msgspec.json.encode(shown).decode())
    else:
        columns = ("key", "state", "network", "amount", "address", "nonce", "problem")
        Terminal().table(columns, [tuple(str(row[name]) for name in columns) for row in shown])


@app.command
def show(key: str, /, *, as_json: Json = False, where: Where = Where()) -> None:
    """One transaction, with the hash of everything that was signed at its nonce."""

    async def act(gateway: Gateway) -> dict[str, Any]:
        async with gateway.db.reading() as conn:
            one = await _find(conn, key)
            signed = await records.signed_of(conn, one)
        return {**_facts(one), "signed": [item.hash for item in signed]}

    facts = run(where, act)
    if as_json:
        print(msgspec.json.encode(facts).decode())
    else:
        Terminal().facts([(name, str(value)) for name, value in facts.items()])


@app.command
def retry(key: str, /, *, where: Where = Where()) -> None:
    """Hand the same bytes in again, at once."""
    _hurry(where, key, bump=False)
    print(f"{key}: the worker hands it in again")


@app.command
def bump(key: str, /, *, where: Where = Where()) -> None:
    """Have it signed again at the same nonce for a higher fee, at once."""
    _hurry(where, key, bump=True)
    print(f"{key}: the worker has it signed again for more")


def _hurry(where: Where, key: str, *, bump: bool) -> None:
    async def act(gateway: Gateway) -> None:
        async with gateway.db.transaction() as tx:
            one = await _find(tx, key)
            if one.nonce is None or one.state in (*DONE, State.MINED):
                raise Conflict(f"{key} is {one.state}: there is nothing to hand in")
            await records.hurry(tx, one, clock.now(), bump=bump)

    run(where, act)


async def _find(conn: Any, key: str) -> Transaction:
    one = await records.find(conn, key)
    if one is None:
        raise NotFound(f"no transaction is called {key}")
    return one


def _facts(one: Transaction) -> dict[str, Any]:
    amount = str(Money(one.units, coin(one.coin, one.exponent))) if one.coin else "a call"
    return {
        "key": one.key,
        "state": str(one.state),
        "merchant": one.merchant_id,
        "network": one.network,
        "amount": amount,
        "address": one.address,
        "sender": one.sender,
        "nonce": one.nonce,
        "tx_hash": one.tx_hash,
        "problem": one.problem,
        "asked_at": clock.text(one.asked_at),
    }
