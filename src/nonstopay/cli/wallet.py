"""`nonstopay wallet`: where merchants are settled, and how we know that it is theirs."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.settlement.wallets import confirm, records
from nonstopay.business.settlement.wallets.propose import propose as propose_wallet
from nonstopay.business.settlement.wallets.wallet import Wallet
from nonstopay.business.transactions import records as sent
from nonstopay.business.transactions.hot import records as hot_records
from nonstopay.cli.merchant import run
from nonstopay.cli.terminal import Terminal
from nonstopay.cli.where import Where
from nonstopay.money import Money
from nonstopay.signer.limits import limits_of
from nonstopay.store.db import Connection

app = App(name="wallet", help="Where merchants are settled, and the proof that it is theirs.")
Json = Annotated[bool, Parameter(name="--json", negative=())]


@app.command
def propose(
    merchant_id: int,
    address: str,
    /,
    *,
    coin: str = "USDC",
    network: str = "polygon",
    as_json: Json = False,
    where: Where = Where(),
) -> None:
    """Name a wallet; prints the text that its owner signs.

    Parameters
    ----------
    address
        0x…, with its capitals (EIP-55).
    coin, network
        In what he is settled: USDC or USDT, on polygon or ethereum.
    """

    async def act(gateway: Gateway) -> Wallet:
        async with gateway.db.transaction() as tx:
            return await propose_wallet(
                tx,
                merchant_id,
                address=address,
                coin=coin,
                network=network,
                own=gateway.settings.own_addresses,
                audience=gateway.settings.public_url,
                at=clock.now(),
            )

    wallet: Wallet = run(where, act)
    if as_json:
        print(msgspec.json.encode(wallet).decode())
    else:
        print(f"to be signed by {wallet.address} (personal_sign), between the lines:")
        print(f"---\n{wallet.challenge}\n---")


@app.command
def prove(
    merchant_id: int, signature: str, /, *, as_json: Json = False, where: Where = Where()
) -> None:
    """Take the owner's signature; a first wallet is used at once, a change after its cool-down."""
    _tell(_do(where, lambda tx, cooldown: confirm.prove(
        tx, merchant_id, signature, cooldown=cooldown, at=clock.now()
    )), as_json)  # fmt: skip


@app.command
def approve(
    merchant_id: int, /, *, note: str, as_json: Json = False, where: Where = Where()
) -> None:
    """Answer for it that the wallet is the merchant's: for contracts, which sign nothing.

    Parameters
    ----------
    note
        How you know, for those who wonder later.
    """
    _tell(_do(where, lambda tx, cooldown: confirm.approve(
        tx, merchant_id, note, cooldown=cooldown, at=clock.now()
    )), as_json)  # fmt: skip


@app.command
def cancel(merchant_id: int, /, *, as_json: Json = False, where: Where = Where()) -> None:
    """Forget the wallet that is under way; the one in use stays."""
    _tell(_do(where, lambda tx, _: confirm.cancel(tx, merchant_id, clock.now())), as_json)


@app.command(name="list")
def list_wallets(merchant_id: int, /, *, as_json: Json = False, where: Where = Where()) -> None:
    """A merchant's wallets, the newest first."""

    async def act(gateway: Gateway) -> list[Wallet]:
        async with gateway.db.reading() as conn:
            return await records.of_merchant(conn, merchant_id)

    wallets: list[Wallet] = run(where, act)
    if as_json:
        print(msgspec.json.encode(wallets).decode())
    elif wallets:
        Terminal().table(("STATE", "ADDRESS", "COIN", "NETWORK", "FROM"), list(map(_row, wallets)))
    else:
        print("no wallet was named")


def _do(where: Where, act: Callable[[Connection, timedelta], Awaitable[Wallet]]) -> Wallet:
    async def in_transaction(gateway: Gateway) -> Wallet:
        cooldown = timedelta(hours=gateway.settings.wallet_cooldown_hours)
        async with gateway.db.transaction() as tx:
            return await act(tx, cooldown)

    wallet: Wallet = run(where, in_transaction)
    return wallet


def _tell(wallet: Wallet, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(wallet).decode())
        return
    since = f", from {clock.text(wallet.starts_at)} UTC on" if wallet.starts_at else ""
    print(f"wallet {wallet.address} is {wallet.state}{since}")


def _row(wallet: Wallet) -> tuple[str, ...]:
    since = clock.text(wallet.starts_at) if wallet.starts_at else ""
    return wallet.state, wallet.address, wallet.coin, wallet.network, since


@app.command
def hot(*, as_json: Json = False, where: Where = Where()) -> None:
    """The hot wallet: its address, what it held when the worker last looked, what left it today."""

    async def act(gateway: Gateway) -> list[dict[str, str]]:
        limits = limits_of(gateway.settings)
        today = clock.now().date()
        async with gateway.db.reading() as conn:
            held = await hot_records.balances(conn)
            ordered = await sent.counted(conn, today)
        table = gateway.chains.networks
        return [
            {
                "network": one.network,
                "address": one.address,
                "balance": str(one.amount),
                "low": "low" if one.is_low else "",
                "today": str(Money(ordered.get((one.network, one.coin), 0), one.amount.currency)),
                "most_a_day": str(
                    Money(limits.of(table[one.network].coins[one.coin])[1], one.amount.currency)
                ),
            }
            for one in held
        ]

    rows = run(where, act)
    if as_json:
        print(msgspec.json.encode(rows).decode())
    elif not rows:
        print("nobody has looked yet: a worker does, where there is a signer")
    else:
        columns = tuple(rows[0])
        Terminal().table(columns, [tuple(row.values()) for row in rows])
