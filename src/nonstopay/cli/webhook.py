"""`nonstopay webhook`: where a merchant's webhooks go, what failed, and sending it again."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from nonstopay import clock
from nonstopay.business.assembly import EVENT_KINDS, Gateway
from nonstopay.business.webhooks import records, sign
from nonstopay.business.webhooks.add import add as add_endpoint
from nonstopay.business.webhooks.change import change as change_endpoint
from nonstopay.business.webhooks.change import remove as remove_endpoint
from nonstopay.business.webhooks.change import send_test
from nonstopay.business.webhooks.delivery import Attempt, Wanted
from nonstopay.business.webhooks.endpoint import Endpoint, require
from nonstopay.business.webhooks.explain import explain
from nonstopay.business.webhooks.public_keys import public_keys
from nonstopay.business.webhooks.replay import replay as replay_one
from nonstopay.business.webhooks.replay import replay_all
from nonstopay.business.webhooks.rotate import rotate as rotate_secret
from nonstopay.business.webhooks.rotate import rotate_key, want_key
from nonstopay.business.webhooks.upkeep.standing import standing
from nonstopay.cli.merchant import run
from nonstopay.cli.terminal import Mark, Terminal
from nonstopay.cli.where import Where
from nonstopay.errors import InvalidInput, NotFound

app = App(name="webhook", help="Where a merchant's webhooks go, what failed, and sending it again.")
app.command(
    "nonstopay.cli.check_endpoint:check", name="check", help="Grade a receiver from A to F."
)
AsJson = Annotated[bool, Parameter(name="--json", negative=())]
Kinds = Annotated[list[str] | None, Parameter(name="--event", negative=())]
TEST_WAIT_SECONDS = 20.0
_LOOK_SECONDS = 0.1
_SHOWN_MAX = 100


@app.command
def add(
    merchant_id: int,
    url: str,
    /,
    *,
    event: Kinds = None,
    description: str = "",
    ed25519: Annotated[bool, Parameter(negative=())] = False,
    as_json: AsJson = False,
    where: Where = Where(),
) -> None:
    """Send a merchant's webhooks to a further URL; prints its secret, the only time in clear.

    Parameters
    ----------
    event
        Only these, e.g. invoice:paid or invoice:*; repeatable. All operations if none is given.
    ed25519
        Sign with a key pair too, so that the receiver needs no secret.
    """

    async def act(gateway: Gateway) -> dict[str, str]:
        at = clock.now()
        async with gateway.db.transaction() as tx:
            endpoint_id, secret = await add_endpoint(
                tx,
                gateway.sealer,
                merchant_id,
                url,
                at,
                known=EVENT_KINDS,
                kinds=event or (),
                description=description,
                allow_loopback=not gateway.settings.live,
            )
            facts = {"endpoint_id": str(endpoint_id), "webhook_secret": secret}
            if ed25519:
                facts["public_key"] = await rotate_key(
                    tx, gateway.sealer, (merchant_id, endpoint_id), at
                )
        return facts

    _say_facts(run(where, act), as_json)


@app.command(name="list")
def list_(merchant_id: int, /, *, as_json: AsJson = False, where: Where = Where()) -> None:
    """List a merchant's endpoints, those that are off too."""

    async def act(gateway: Gateway) -> list[dict[str, Any]]:
        async with gateway.db.reading() as conn:
            found = await records.endpoints(conn, merchant_id)
        return [await _described(gateway, one) for one in found]

    found = run(where, act)
    if as_json:
        print(msgspec.json.encode(found).decode())
    elif found:
        heads = ("ID", "URL", "EVENTS", "SIGNED", "STATE", "PENDING", "RECEIVED", "DESCRIPTION")
        Terminal().table(heads, [_row(one) for one in found], right="ID")
    else:
        print("no endpoints")


@app.command
def change(
    merchant_id: int,
    endpoint_id: int,
    /,
    *,
    url: str | None = None,
    event: Kinds = None,
    all_events: Annotated[bool, Parameter(negative=())] = False,
    description: str | None = None,
    ed25519: bool | None = None,
    on: Annotated[bool, Parameter(negative=())] = False,
    where: Where = Where(),
) -> None:
    """Change an endpoint; what is not given stays.

    Parameters
    ----------
    event
        Only these from now on; repeatable.
    all_events
        All operations again.
    ed25519
        Sign with a key pair beside HMAC, or no more.
    on
        Send there again after it was switched off.
    """
    if event and all_events:
        raise InvalidInput("events", "give either --event or --all-events")

    async def act(gateway: Gateway) -> None:
        async with gateway.db.transaction() as tx:
            await change_endpoint(
                tx,
                merchant_id,
                endpoint_id,
                known=EVENT_KINDS,
                url=url,
                kinds=[] if all_events else event,
                description=description,
                on=on,
                allow_loopback=not gateway.settings.live,
            )
            if ed25519 is not None:
                endpoint = (merchant_id, endpoint_id)
                await want_key(tx, gateway.sealer, endpoint, ed25519, clock.now())

    run(where, act)
    print(f"endpoint {endpoint_id} changed")


@app.command
def remove(merchant_id: int, endpoint_id: int, /, *, where: Where = Where()) -> None:
    """Send nothing to an endpoint any more; what is pending is given up, its history stays."""

    async def act(gateway: Gateway) -> None:
        async with gateway.db.transaction() as tx:
            await remove_endpoint(tx, merchant_id, endpoint_id, clock.now())

    run(where, act)
    print(f"endpoint {endpoint_id} removed")


@app.command
def rotate(
    merchant_id: int,
    endpoint_id: int,
    /,
    *,
    ed25519: Annotated[bool, Parameter(negative=())] = False,
    overlap_hours: int = 24,
    as_json: AsJson = False,
    where: Where = Where(),
) -> None:
    """A new secret for one endpoint; the old one signs along for a while.

    Parameters
    ----------
    ed25519
        A new key pair instead.
    overlap_hours
        How long the old one signs along; 0 if it has leaked.
    """

    async def act(gateway: Gateway) -> dict[str, str]:
        at, overlap = clock.now(), timedelta(hours=overlap_hours)
        async with gateway.db.transaction() as tx:
            require(await records.lock_endpoint(tx, merchant_id, endpoint_id))
            if ed25519:
                endpoint = (merchant_id, endpoint_id)
                key = await rotate_key(tx, gateway.sealer, endpoint, at, overlap)
                return {"endpoint_id": str(endpoint_id), "public_key": key}
            secret = await rotate_secret(
                tx, gateway.sealer, merchant_id, at, overlap, endpoint_id=endpoint_id
            )
        return {"endpoint_id": str(endpoint_id), "webhook_secret": secret}

    _say_facts(run(where, act), as_json)


@app.command
def replay(
    merchant_id: int,
    event: str | None = None,
    /,
    *,
    endpoint: int | None = None,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    failed_since: datetime | None = None,
    where: Where = Where(),
) -> None:
    """Send again: one event, a range of them, or all that failed since then.

    Parameters
    ----------
    event
        One event, as its webhook-id names it: evt_17.
    endpoint
        To this endpoint only; otherwise to all to which it was sent before.
    from_, to
        The first and the last event of a range.
    failed_since
        What was given up, of events since then, e.g. 2026-11-20T08:00 (UTC).
    """
    if sum((event is not None, bool(from_ or to), failed_since is not None)) != 1:
        raise InvalidInput("event", "name an event, or --from and --to, or --failed-since")
    if bool(from_) != bool(to):
        raise InvalidInput("event", "a range has --from and --to")
    since = failed_since if failed_since is None or failed_since.tzinfo else _utc(failed_since)
    first, last = (_event_id(text) for text in (event or from_, event or to))

    async def act(gateway: Gateway) -> int:
        at = clock.now()
        if event is not None and endpoint is not None and first is not None:
            async with gateway.db.transaction() as tx:
                await replay_one(tx, merchant_id, endpoint, first, at)
            return 1
        wanted = Wanted(endpoint, first, last, since)
        return await replay_all(gateway.db, merchant_id, wanted, at)

    count = run(where, act)
    if event is not None and not count:
        raise NotFound("no endpoint that is on was ever sent that event")
    print(f"{count} {'delivery' if count == 1 else 'deliveries'} will be sent again now")


@app.command(name="test")
def try_out(merchant_id: int, endpoint_id: int, /, *, where: Where = Where()) -> None:
    """Send webhook:test to an endpoint as any webhook is sent, and say what came of it."""

    async def act(gateway: Gateway) -> tuple[int, Attempt | None]:
        async with gateway.db.transaction() as tx:
            event_id = await send_test(tx, merchant_id, endpoint_id, clock.now())
        ends = clock.stopwatch() + TEST_WAIT_SECONDS
        while clock.stopwatch() < ends:
            async with gateway.db.reading() as conn:
                made = await records.attempts(conn, merchant_id, endpoint_id, event_id)
            if made:
                return event_id, made[0]
            await asyncio.sleep(_LOOK_SECONDS)
        return event_id, None

    event_id, attempt = run(where, act)
    name = sign.webhook_id(event_id)
    if attempt is None:
        Terminal().marked(Mark.WARN, f"{name} waits: no worker has sent it yet")
        raise SystemExit(1)
    mark = Mark.OK if attempt.received else Mark.FAIL
    Terminal().marked(mark, f"{name}: {explain(attempt)}", f"{attempt.duration_ms} ms")
    if not attempt.received:
        raise SystemExit(1)


@app.command
def dead(merchant_id: int, /, *, as_json: AsJson = False, where: Where = Where()) -> None:
    """Show what was given up, the newest first, and why."""

    async def act(gateway: Gateway) -> list[dict[str, Any]]:
        found = []
        async with gateway.db.reading() as conn:
            for one in await records.dead_deliveries(conn, merchant_id, None, _SHOWN_MAX):
                made = await records.attempts(conn, merchant_id, one.endpoint_id, one.event_id)
                found.append(
                    {
                        "event": sign.webhook_id(one.event_id),
                        "kind": one.kind,
                        "object": f"{one.object} {one.object_id}",
                        "endpoint_id": one.endpoint_id,
                        "attempts": one.attempts,
                        "given_up": clock.text(one.finished_at) if one.finished_at else "",
                        "why": explain(made[-1]) if made else "It was never tried.",
                    }
                )
        return found

    found = run(where, act)
    if as_json:
        print(msgspec.json.encode(found).decode())
    elif found:
        rows = [[str(value) for value in one.values()] for one in found]
        Terminal().table([name.replace("_", " ").upper() for name in found[0]], rows)
    else:
        print("nothing was given up")


async def _described(gateway: Gateway, one: Endpoint) -> dict[str, Any]:
    keys = await public_keys(gateway.db, gateway.sealer, one.merchant_id, one.id, clock.now())
    async with gateway.db.reading() as conn:
        stands = await standing(conn, (one.merchant_id, one.id))
    return {
        "id": one.id,
        "url": one.url,
        "callback": one.is_callback,
        "events": list(one.kinds),
        "description": one.description,
        "format": one.format,
        "public_keys": [key.text for key in keys],
        "failing_since": clock.text(one.failing_since) if one.failing_since else None,
        "disabled": one.disabled_reason,
        "pending": stands.pending,
        "due_since": clock.text(stands.due_since) if stands.due_since else None,
        "attempts": stands.attempts,
        "received": stands.received,
    }


def _row(one: dict[str, Any]) -> list[str]:
    failing = f"failing since {one['failing_since']}" if one["failing_since"] else "on"
    return [
        str(one["id"]),
        one["url"],
        " ".join(one["events"]) or "all",
        "HMAC, ed25519" if one["public_keys"] else "HMAC",
        f"off: {one['disabled']}" if one["disabled"] else failing,
        str(one["pending"]),
        f"{one['received']} of {one['attempts']}",
        one["description"] or ("the callback URL" if one["callback"] else ""),
    ]


def _event_id(text: str | None) -> int | None:
    if text is None:
        return None
    digits = text.removeprefix("evt_")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise InvalidInput("event", "an event is named like evt_17")
    return int(digits)


def _utc(naive: datetime) -> datetime:
    return naive.replace(tzinfo=UTC)


def _say_facts(facts: dict[str, str], as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(facts).decode())
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")
