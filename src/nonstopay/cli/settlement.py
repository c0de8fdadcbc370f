"""`nonstopay settlement`: terms, fees, batches."""

from dataclasses import asdict, replace
from decimal import Decimal
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.merchants.merchant import FeePlan, FeeTier
from nonstopay.business.settlement import records
from nonstopay.business.settlement.agree import agree, agree_fees
from nonstopay.business.settlement.batch import Batch
from nonstopay.business.settlement.close import PAY
from nonstopay.business.settlement.close import close as close_batch
from nonstopay.business.settlement.terms import Cadence, Terms
from nonstopay.cli.merchant import run
from nonstopay.cli.terminal import Terminal
from nonstopay.cli.where import Where
from nonstopay.errors import InvalidInput, NotFound
from nonstopay.store import jobs

app = App(name="settlement", help="What was agreed with merchants, and the batches that pay them.")
Json = Annotated[bool, Parameter(name="--json", negative=())]
SHOWN_MAX = 200


@app.command
def terms(
    merchant_id: int,
    /,
    *,
    cadence: Cadence | None = None,
    threshold: Decimal | None = None,
    reserve_percent: Decimal | None = None,
    reserve_days: int | None = None,
    fx_percent: Decimal | None = None,
    partner: str | None = None,
    partner_percent: Decimal | None = None,
    as_json: Json = False,
    where: Where = Where(),
) -> None:
    """Show a merchant's terms, changed by what is given; batches that are closed keep theirs.

    Parameters
    ----------
    cadence
        each-payment, hourly, daily or threshold.
    threshold
        For that cadence, in units of the coin.
    reserve_percent, reserve_days
        How much of what was captured is set aside, and for how long.
    fx_percent
        Our mark-up on the mid rate where currencies are exchanged.
    partner, partner_percent
        Who gets how much of our fees; an empty partner is none.
    """
    given: dict[str, object] = {
        "cadence": cadence,
        "threshold": threshold,
        "reserve_percent": reserve_percent,
        "reserve_days": reserve_days,
        "fx_percent": fx_percent,
        "partner": partner,
        "partner_percent": partner_percent,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if partner == "":
        changes |= {"partner": None, "partner_percent": Decimal(0)}

    async def act(gateway: Gateway) -> Terms:
        async with gateway.db.transaction() as tx:
            agreed = replace(await records.terms(tx, merchant_id), **changes)  # type: ignore[arg-type]
            if changes:
                await agree(tx, merchant_id, agreed)
            return agreed

    _print(asdict(run(where, act)), as_json)


@app.command
def fees(
    merchant_id: int,
    method: str,
    /,
    *tiers: str,
    where: Where = Where(),
) -> None:
    """Give a method (CARD, UPI, CRYPTO, or * for all) its fees; without a tier, those for all again.

    Parameters
    ----------
    tiers
        above:percent:fixed:minimum, each in units of the invoice's currency, `0:2.9:0.30:0`; the first
        from 0 on, the others from a volume of the month before.
    """
    read = [_tier(method, text) for text in tiers]

    async def act(gateway: Gateway) -> None:
        async with gateway.db.transaction() as tx:
            await agree_fees(tx, merchant_id, method, read, clock.now())

    run(where, act)
    print(f"merchant {merchant_id}: {method} has {len(read)} tiers of fees")


@app.command(name="list")
def list_batches(merchant_id: int, /, *, as_json: Json = False, where: Where = Where()) -> None:
    """A merchant's batches, the newest first."""

    async def act(gateway: Gateway) -> list[Batch]:
        async with gateway.db.reading() as conn:
            return await records.newest(conn, merchant_id, SHOWN_MAX)

    batches: list[Batch] = run(where, act)
    if as_json:
        print(msgspec.json.encode([_facts(batch) for batch in batches]).decode())
    elif batches:
        heads = ("BATCH", "STATE", "AMOUNT", "CLOSED", "TRANSFER")
        Terminal().table(heads, [_row(batch) for batch in batches])
    else:
        print("no batches")


@app.command
def close(merchant_id: int, /, *, as_json: Json = False, where: Where = Where()) -> None:
    """Close a merchant's batch now, whatever his cadence says; what has not cleared still waits."""

    async def act(gateway: Gateway) -> Batch | None:
        async with gateway.db.transaction() as tx:
            return await close_batch(tx, merchant_id, gateway.settlement, clock.now(), now=True)

    batch: Batch | None = run(where, act)
    if batch is None:
        print("{}" if as_json else "there is nothing to settle")
    else:
        _print(_facts(batch), as_json)


@app.command
def retry(merchant_id: int, batch_id: int, /, *, where: Where = Where()) -> None:
    """Ask the sender again now, after he refused and you put right what he refused for."""

    async def act(gateway: Gateway) -> None:
        async with gateway.db.transaction() as tx:
            if await records.find(tx, merchant_id, batch_id) is None:
                raise NotFound(f"merchant {merchant_id} has no batch {batch_id}")
            await jobs.enqueue(tx, merchant_id, PAY, str(batch_id), {}, clock.now())

    run(where, act)
    print(f"the sender of coins will be asked for batch {batch_id} at once")


def _tier(method: str, text: str) -> FeeTier:
    try:
        above, percent, fixed, minimum = map(Decimal, text.split(":"))
    except (ValueError, ArithmeticError):
        raise InvalidInput("tier", f"{text!r} is not above:percent:fixed:minimum") from None
    return FeeTier(method, above, FeePlan(percent, fixed, minimum))


def _facts(batch: Batch) -> dict[str, object]:
    return {
        "batch": str(batch.id),
        "state": str(batch.state),
        "amount": batch.amount.text(),
        "coin": batch.amount.currency.code,
        "network": batch.network,
        "address": batch.address,
        "tx_hash": batch.tx_hash,
        "refusal": batch.refusal,
        "root": f"0x{batch.root.hex()}",
        "closed_at": clock.text(batch.closed_at),
    }


def _row(batch: Batch) -> tuple[str, ...]:
    return (
        str(batch.id),
        str(batch.state),
        str(batch.amount),
        clock.text(batch.closed_at),
        batch.tx_hash or batch.refusal or "",
    )


def _print(facts: dict[str, object], as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(facts).decode())
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {'' if value is None else value}")
