"""`nonstopay trigger`: make an event happen in the sandbox, for real, through the HTTP doors."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from cyclopts import Parameter

from nonstopay import clock
from nonstopay.business.assembly import Gateway
from nonstopay.business.invoices.invoice import LIFETIME
from nonstopay.business.merchants import keys, records
from nonstopay.business.merchants.merchant import Merchant
from nonstopay.cli.gateway import opened
from nonstopay.cli.outsiders import Bank, Browser, Door, Page, Shop, until
from nonstopay.cli.running import running_database, running_door
from nonstopay.cli.terminal import Terminal
from nonstopay.cli.where import Where
from nonstopay.errors import InvalidInput, Misconfigured, NotFound
from nonstopay.store import observation

HERE = "127.0.0.1"
_WORDS = {"amount": "15.04", "devise": "USD", "email": "payer@example.com", "merchant": ""}
# The pretend bank's `late_success` pays a minute after it refused.
_LATE_SECONDS = 61

Event = Annotated[str, Parameter(help="What should happen; a wrong word lists those there are.")]
Wishes = Annotated[
    list[str] | None,
    Parameter(name="--set", negative=(), help="amount=…, devise=…, email=… or merchant=…"),
]


@dataclass(frozen=True, slots=True)
class Scene:
    """What an event is made with: the people outside, and what the invoice is to be."""

    terminal: Terminal
    gateway: Gateway
    shop: Shop
    browser: Browser
    bank: Bank
    wish: dict[str, str]


Act = Callable[[Scene], Awaitable[None]]
"""Makes one event happen."""


def trigger(event: Event, /, *, set_: Wishes = None, where: Where = Where()) -> None:
    """Make an event happen in the sandbox: the invoice, the payer and the bank are played for you."""
    act = _ACTS.get(event)
    if act is None:
        raise InvalidInput("event", f"{event} is no event; there are: {', '.join(_ACTS)}")
    wish = _wish(set_ or ())
    settings = where.settings()
    if settings.live:
        raise Misconfigured("trigger pretends payments: it works in a sandbox only")

    async def run() -> None:
        async with (
            opened(settings, running_database(settings)) as gateway,
            await running_door(gateway.db) as door,
        ):
            await _play(gateway, door, act, wish)

    asyncio.run(run())


async def _play(gateway: Gateway, door: Door, act: Act, wish: dict[str, str]) -> None:
    merchant = await _merchant(gateway, wish["merchant"])
    terminal = Terminal()
    terminal.say(f"merchant {merchant.id}, {merchant.name}, at {door.base_url}")
    async with _scratch_key(gateway, merchant.id) as api_key:
        shop, browser, bank = Shop(door, api_key), Browser(door), Bank(door)
        await act(Scene(terminal, gateway, shop, browser, bank, wish))


# ── The events ──────────────────────────────────────────────────────────────────────────────────


async def _create(scene: Scene) -> tuple[int, str]:
    """The invoice's id and the address of its payment page."""
    with scene.terminal.step("invoice:created") as step:
        parameters = {name: scene.wish[name] for name in ("email", "amount", "devise")}
        address = await scene.shop.create_invoice(parameters)
        token = parse_qs(urlsplit(address).query)["token"][0]
        _, invoice_id = scene.gateway.tokens.read(token)
        step.found = f"invoice {invoice_id}: {address}"
    return invoice_id, address


async def _created(scene: Scene) -> None:
    await _create(scene)


async def _open(scene: Scene) -> tuple[int, str, Page]:
    invoice_id, address = await _create(scene)
    with scene.terminal.step("invoice:opened"):
        page = await scene.browser.open(address)
    return invoice_id, address, page


async def _opened(scene: Scene) -> None:
    await _open(scene)


async def _try_to_pay(scene: Scene, outcome: str) -> tuple[int, str]:
    """Pay by UPI with this outcome at the bank; the invoice and its page's address."""
    invoice_id, address, page = await _open(scene)
    with scene.terminal.step(f"the payer pays by UPI, the bank says: {outcome}") as step:
        page = await scene.browser.press(page.form("method=upi"))
        order = await scene.bank.pay(page.upi_link, outcome)
        step.found = order["message"]
    return invoice_id, address


async def _paid(scene: Scene) -> None:
    invoice_id, _ = await _try_to_pay(scene, "success")
    await _reach(scene, invoice_id, "invoice:awaiting_approval")


async def _declined(scene: Scene) -> None:
    _, address = await _try_to_pay(scene, "declined")
    await _see_declined(scene, address)


async def _late_success(scene: Scene) -> None:
    invoice_id, address = await _try_to_pay(scene, "late_success")
    await _see_declined(scene, address)
    await _pass_time(scene, _LATE_SECONDS)
    await _reach(scene, invoice_id, "invoice:awaiting_approval")


async def _expired(scene: Scene) -> None:
    invoice_id, _ = await _create(scene)
    await _pass_time(scene, int(LIFETIME.total_seconds()) + 1)
    await _reach(scene, invoice_id, "invoice:expired")


async def _see_declined(scene: Scene, address: str) -> None:
    async def shown() -> str:
        return (await scene.browser.open(address)).state

    with scene.terminal.step("the payment page says declined, the payer may try again"):
        await until("declined", shown)


async def _pass_time(scene: Scene, seconds: int) -> None:
    with scene.terminal.step(f"the whole sandbox's clock moves on by {seconds} s"):
        await scene.bank.advance(seconds)


async def _reach(scene: Scene, invoice_id: int, status: str) -> None:
    with scene.terminal.step(status):
        await until(status, lambda: scene.shop.status(invoice_id))


_ACTS: dict[str, Act] = {
    "invoice.created": _created,
    "invoice.opened": _opened,
    "invoice.paid_by_payer": _paid,
    "invoice.expired": _expired,
    "payment.declined": _declined,
    "payment.late_success": _late_success,
}

# ── For whom ────────────────────────────────────────────────────────────────────────────────────


def _wish(given: Sequence[str]) -> dict[str, str]:
    wish = dict(_WORDS)
    for text in given:
        name, equals, value = text.partition("=")
        if name not in wish or not equals:
            known = ", ".join(f"{one}=…" for one in wish)
            raise InvalidInput("set", f"--set {text} is not understood; there are: {known}")
        wish[name] = value
    return wish


async def _merchant(gateway: Gateway, named: str) -> Merchant:
    """The merchant that was named, or the first who may create invoices from this machine."""
    async with gateway.db.reading() as conn:
        if named:
            found = await records.by_id(conn, int(named)) if named.isdecimal() else None
            if found is None:
                raise NotFound(f"there is no merchant {named}")
            candidates = [found]
        else:
            ids = await observation.merchants(conn)
            candidates = [one for each in ids if (one := await records.by_id(conn, each))]
    if not candidates:
        raise NotFound(
            "there is no merchant; make one: nonstopay merchant create --email shop@example.com "
            f"--name Shop --ip {HERE}/32 --active"
        )
    for merchant in candidates:
        if merchant.wallet.active and merchant.allows_address(HERE):
            return merchant
    first = candidates[0]
    allowed = "".join(f"--ip {network} " for network in first.networks)
    raise NotFound(
        f"merchant {first.id} may not create invoices from {HERE}; let him: "
        f"nonstopay merchant set {first.id} --active {allowed}--ip {HERE}/32"
    )


@asynccontextmanager
async def _scratch_key(gateway: Gateway, merchant_id: int) -> AsyncIterator[str]:
    """An API key for this one event; those that the merchant has are known to nobody but him."""
    async with gateway.db.transaction() as tx:
        mode = gateway.settings.mode
        api_key = await keys.issue(tx, merchant_id, mode=mode, at=clock.now())
    try:
        yield api_key
    finally:
        async with gateway.db.transaction() as tx:
            prefix, last4 = api_key[: keys.PREFIX_LENGTH], api_key[-4:]
            await keys.revoke(tx, merchant_id, prefix=prefix, last4=last4, at=clock.now())
