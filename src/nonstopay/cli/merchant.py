"""`nonstopay merchant`: the merchants of this installation."""

import asyncio
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.mail.letters import wallet_activated
from nonstopay.business.merchants import change, keys, records
from nonstopay.business.merchants.change import Changes
from nonstopay.business.webhooks.rotate import rotate
from nonstopay.business.webhooks.set_callback import set_callback
from nonstopay.cli.gateway import opened
from nonstopay.cli.where import Where, database_of, prepare
from nonstopay.errors import InvalidInput

app = App(name="merchant", help="Create merchants and change what they may do.")
Networks = Annotated[list[str] | None, Parameter(name="--ip", negative=())]
Methods = Annotated[str | None, Parameter(help="Comma-separated: CARD,UPI,CRYPTO")]
AsJson = Annotated[bool, Parameter(name="--json", negative=())]


@app.command
def create(
    *,
    email: str,
    name: str,
    ip: Networks = None,
    callback_url: str | None = None,
    wallet: str | None = None,
    active: Annotated[bool, Parameter(negative=())] = False,
    as_json: AsJson = False,
    where: Where = Where(),
) -> None:
    """Create a merchant; prints his id, API key and webhook secret, the only time in clear.

    Parameters
    ----------
    ip
        Address or CIDR network from which his API key may be used; repeatable.
    callback_url
        Where his webhooks go.
    wallet
        0x… address to which he is settled.
    active
        His wallet is validated: he may create invoices.
    """

    async def act(gateway: Gateway) -> dict[str, str]:
        at = clock.now()
        changes = Changes(
            networks=ip, wallet=wallet, active=active, card_direct=not gateway.settings.live
        )
        async with gateway.db.transaction() as tx:
            merchant_id = await change.create(tx, email=email, name=name, changes=changes, at=at)
            api_key = await keys.issue(tx, merchant_id, mode=gateway.settings.mode, at=at)
            secret = await rotate(tx, gateway.sealer, merchant_id, at)
            if callback_url:
                await set_callback(
                    tx, merchant_id, callback_url, at, allow_loopback=not gateway.settings.live
                )
        return {
            "merchant_id": str(merchant_id),
            "api_key": api_key,
            "webhook_secret": secret,
        }

    _print(run(where, act), as_json)


@app.command(name="set")
def set_(
    merchant_id: int,
    /,
    *,
    min_amount: Decimal | None = None,
    max_amount: Decimal | None = None,
    fee_percent: Decimal | None = None,
    fee_fixed: Decimal | None = None,
    methods: Methods = None,
    ip: Networks = None,
    callback_url: str | None = None,
    wallet: str | None = None,
    active: Annotated[bool | None, Parameter(negative="--inactive")] = None,
    late_success: str | None = None,
    card_direct: bool | None = None,
    card_capture: str | None = None,
    where: Where = Where(),
) -> None:
    """Change a merchant. A list given replaces the list; what is not given stays.

    Parameters
    ----------
    min_amount, max_amount
        Bounds of an invoice, in units of its currency.
    fee_percent, fee_fixed
        The platform's fee on each payment.
    late_success
        credit or refund: money that comes after the merchant was told of failure.
    card_direct
        He may send his payers' cards server to server; that puts him in the full scope of PCI DSS.
    card_capture
        automatic or manual: card money is taken at once, or reserved until he says so.
    """

    async def act(gateway: Gateway) -> None:
        changes = Changes(
            methods=[one.strip() for one in methods.split(",")] if methods is not None else None,
            networks=ip,
            wallet=wallet,
            active=active,
            minimum=min_amount,
            maximum=max_amount,
            fee_percent=fee_percent,
            fee_fixed=fee_fixed,
            late_success=late_success,
            card_direct=card_direct,
            card_capture=card_capture,
        )
        async with gateway.db.transaction() as tx:
            before = await records.by_id(tx, merchant_id)
            await change.change(tx, merchant_id, changes)
            if active and before and not before.wallet.active:
                await wallet_activated(tx, merchant_id, clock.now())
            if callback_url is not None:
                await set_callback(
                    tx,
                    merchant_id,
                    callback_url or None,
                    clock.now(),
                    allow_loopback=not gateway.settings.live,
                )

    run(where, act)
    print(f"merchant {merchant_id} changed; every process knows within two seconds")


@app.command
def key(
    merchant_id: int,
    /,
    *,
    revoke: str | None = None,
    as_json: AsJson = False,
    where: Where = Where(),
) -> None:
    """Issue a further API key, or revoke one.

    Parameters
    ----------
    revoke
        The key's first 16 and last 4 characters, as `merchant keys` shows them: nsp_sandbox_1e8k…LRKI
    """

    async def act(gateway: Gateway) -> dict[str, str]:
        at = clock.now()
        async with gateway.db.transaction() as tx:
            if revoke is None:
                new = await keys.issue(tx, merchant_id, mode=gateway.settings.mode, at=at)
                return {"merchant_id": str(merchant_id), "api_key": new}
            prefix, dots, last4 = revoke.partition("…")
            if not dots:
                raise InvalidInput("revoke", "name the key as 'first16…last4'")
            await keys.revoke(tx, merchant_id, prefix=prefix, last4=last4, at=at)
            return {"merchant_id": str(merchant_id), "revoked": revoke}

    _print(run(where, act), as_json)


@app.command(name="keys")
def list_keys(merchant_id: int, /, *, where: Where = Where()) -> None:
    """List a merchant's API keys, without showing them."""

    async def act(gateway: Gateway) -> list[str]:
        async with gateway.db.reading() as conn:
            rows = await records.keys(conn, merchant_id)
        return [
            f"{row['prefix']}…{row['last4']}  since {clock.text(row['created_at'])}"
            + (f"  revoked {clock.text(row['revoked_at'])}" if row["revoked_at"] else "")
            for row in rows
        ]

    print("\n".join(run(where, act)) or "no keys")


@app.command(name="rotate-secret")
def rotate_secret(merchant_id: int, /, *, as_json: AsJson = False, where: Where = Where()) -> None:
    """A new webhook secret; the old one signs along for 24 hours."""

    async def act(gateway: Gateway) -> dict[str, str]:
        async with gateway.db.transaction() as tx:
            secret = await rotate(tx, gateway.sealer, merchant_id, clock.now())
        return {"merchant_id": str(merchant_id), "webhook_secret": secret}

    _print(run(where, act), as_json)


def run(where: Where, act: Any) -> Any:
    """Do `act` on the installation's gateway."""
    settings = where.settings()

    async def with_gateway(url: str) -> Any:
        await prepare(settings, url)
        async with opened(settings, url) as gateway:
            return await act(gateway)

    with database_of(settings) as url:
        return asyncio.run(with_gateway(url))


def _print(facts: dict[str, str], as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(facts).decode())
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")
