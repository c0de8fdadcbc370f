"""The pretend bank behind UPI: it opens orders, lets payers pay them, refunds, and tells.

It behaves as real ones do at their worst: a refusal may be followed by success, money may leave
the payer without anybody saying so, and what it did is told by notifications that can come twice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from nonstopay import clock, ids
from nonstopay.errors import Conflict, InvalidInput
from nonstopay.money import Money
from nonstopay.sandbox import notices, upi_order
from nonstopay.sandbox.faults import Target
from nonstopay.sandbox.upi_order import Refund, Status, UpiOrder
from nonstopay.store.db import Connection, Database

SETTLED_AT_ONCE = 100
_REFERENCE = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RefundRefused(Conflict):
    """The bank will not send this money back, now or later."""

    code = "refund_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The order that the gateway wants opened."""

    reference: str
    amount: Money
    payee_name: str
    note: str
    expires_at: datetime
    notify_url: str


@dataclass(frozen=True, slots=True)
class _Act:
    """What a payer's try does at once, and what becomes of it later."""

    status: Status
    message: str
    code: str | None = None
    becomes: Status | None = None
    after: timedelta = timedelta(0)
    quietly: bool = False


# Codes as NPCI's "UPI Error and Response Codes" name them.
OUTCOMES: Mapping[str, _Act] = MappingProxyType(
    {
        "success": _Act(Status.CAPTURED, "Paid."),
        "wrong_pin": _Act(Status.DECLINED, "Wrong UPI PIN. You can try again.", "ZM"),
        "insufficient_funds": _Act(Status.DECLINED, "Not enough money in the account.", "Z9"),
        "declined": _Act(Status.DECLINED, "Your bank declined the payment.", "U30"),
        "pending": _Act(
            Status.PROCESSING,
            "Your bank has not confirmed yet; it will within 30 minutes.",
            becomes=Status.CAPTURED,
            after=timedelta(minutes=30),
        ),
        "late_success": _Act(
            Status.DECLINED,
            "Your bank did not answer in time. (It will have paid, 60 seconds from now.)",
            "UP",
            becomes=Status.CAPTURED,
            after=timedelta(seconds=60),
        ),
        "debit_no_credit": _Act(
            Status.UNKNOWN,
            "Your account was debited, but the answer of the shop's bank was lost.",
            becomes=Status.CAPTURED,
            after=timedelta(seconds=20),
            quietly=True,
        ),
    }
)


async def create(db: Database, wish: Wish) -> UpiOrder:
    """Open an order; the same reference again answers the same order.

    Raises:
        InvalidInput: reference, amount or expiry are not acceptable.
        Conflict: the reference was used with another amount.
    """
    now = clock.now()
    if not _REFERENCE.fullmatch(wish.reference):
        raise InvalidInput("reference", "reference must be 1 to 64 of letters, digits, . _ -")
    if wish.amount.minor <= 0 or wish.amount.currency != upi_order.INR:
        raise InvalidInput("amount", "amount must be rupees, more than 0")
    async with db.transaction() as tx:
        if not await upi_order.is_known(tx, wish.reference):
            if wish.expires_at <= now:
                raise InvalidInput("expires_at", "expires_at must lie in the future")
            await upi_order.insert(tx, _opened(wish, now))
        order = await _present(tx, wish.reference, now)
    if order.amount != wish.amount:
        raise Conflict(f"this reference was used for an order of {order.amount}")
    return order


async def status(db: Database, reference: str) -> UpiOrder:
    """What the order is by now.

    Raises:
        NotFound: no such order.
    """
    async with db.transaction() as tx:
        return await _present(tx, reference, clock.now())


async def pay(
    db: Database, id: str, payee_address: str, amount: Money, outcome: str
) -> tuple[UpiOrder, str]:
    """The payer approves in his app, and `outcome` happens.

    Args:
        id, payee_address, amount: the link's `tr`, `pa` and `am`.
        outcome: a word of `OUTCOMES`.

    Returns:
        The order after it, and what the app says to the payer.

    Raises:
        InvalidInput: an unknown outcome, or the link was changed.
        NotFound: no order has this id.
        Conflict: paid already, debited already, or expired.
    """
    act = OUTCOMES.get(outcome)
    if act is None:
        raise InvalidInput("outcome", f"outcome must be one of: {', '.join(OUTCOMES)}")
    now = clock.now()
    async with db.transaction() as tx:
        order = await _present(tx, await upi_order.reference_of(tx, id), now)
        _require_unchanged(order, payee_address, amount)
        _require_payable(order, now)
        order = await _move(tx, order, act.status, now, code=act.code, quietly=act.quietly)
        order = replace(
            order,
            settles_as=act.becomes or (Status.EXPIRED if act.status is Status.DECLINED else None),
            settles_at=now + act.after if act.becomes else _expiry_after(order),
            settle_quietly=act.quietly,
        )
        await upi_order.save(tx, order)
    return order, act.message


async def refund(db: Database, reference: str, key: str, amount: Money) -> Refund:
    """Send money back to the payer; the same key again answers the same refund.

    Raises:
        NotFound: no such order.
        InvalidInput: a key or amount that cannot be one.
        Conflict: the key was used with another amount.
        RefundRefused: the order is not paid, or more would go back than came.
    """
    if not _REFERENCE.fullmatch(key):
        raise InvalidInput("key", "key must be 1 to 64 of letters, digits, . _ -")
    if amount.minor <= 0:
        raise InvalidInput("amount", "amount must be more than 0")
    now = clock.now()
    async with db.transaction() as tx:
        order = await _present(tx, reference, now)
        earlier = await upi_order.refund_of(tx, reference, key)
        if earlier is not None:
            if earlier.amount != amount:
                raise Conflict("this key was used for a refund of another amount")
            return earlier
        if order.status is not Status.CAPTURED:
            raise RefundRefused(f"nothing to refund: the order is {order.status}")
        left = order.amount - order.refunded
        if left < amount:
            raise RefundRefused(f"at most {left} can be refunded")
        await upi_order.save(tx, replace(order, refunded=order.refunded + amount))
        made = Refund(
            id="NSR" + ids.random_bytes(10).hex().upper(),
            key=key,
            amount=amount,
            utr=await upi_order.next_utr(tx, now),
            at=now,
        )
        await upi_order.insert_refund(tx, reference, made)
    return made


async def settle_due(db: Database, secret: bytes) -> None:
    """Move every order whose time has come, and send what there is to tell.

    Run it a few times a second, in one process or many.

    Args:
        secret: signs the notifications; the connector knows it too.
    """
    now = clock.now()
    for reference in await upi_order.due(db, now, SETTLED_AT_ONCE):
        async with db.transaction() as tx:
            await _present(tx, reference, now)
    await notices.send_due(db, secret)


def _opened(wish: Wish, now: datetime) -> UpiOrder:
    return UpiOrder(
        reference=wish.reference,
        id="NSP" + ids.random_bytes(10).hex().upper(),
        amount=wish.amount,
        payee_name=wish.payee_name,
        payee_address=upi_order.address_of(wish.payee_name),
        note=wish.note,
        notify_url=wish.notify_url,
        created_at=now,
        expires_at=wish.expires_at,
        status=Status.CREATED,
        status_at=now,
        settles_as=Status.EXPIRED,
        settles_at=wish.expires_at,
    )


async def _present(tx: Connection, reference: str, now: datetime) -> UpiOrder:
    """The order, locked, moved to what it should be by now."""
    order = await upi_order.lock(tx, reference)
    if order.settles_as is None or order.settles_at is None or order.settles_at > now:
        return order
    at = max(order.settles_at, order.status_at)
    settled = await _move(tx, order, order.settles_as, at, quietly=order.settle_quietly)
    await upi_order.save(tx, settled)
    return settled


async def _move(
    tx: Connection,
    order: UpiOrder,
    status: Status,
    at: datetime,
    *,
    code: str | None = None,
    quietly: bool,
) -> UpiOrder:
    """The order in its new status, with nothing left to happen by itself; told unless `quietly`."""
    moved = replace(
        order,
        status=status,
        status_at=at,
        code=code,
        utr=await upi_order.next_utr(tx, at) if status is Status.CAPTURED else None,
        settles_as=None,
        settles_at=None,
        settle_quietly=False,
    )
    if not quietly:
        body = {"event": f"order.{moved.status}", "order": moved.facts()}
        await notices.enqueue(tx, Target.UPI, moved.reference, moved.notify_url, body)
    return moved


def _expiry_after(order: UpiOrder) -> datetime | None:
    return order.expires_at if order.status is Status.DECLINED else None


def _require_unchanged(order: UpiOrder, payee_address: str, amount: Money) -> None:
    if amount != order.amount:
        raise InvalidInput(
            "uri",
            f"the link says {amount}, the order is for {order.amount}: pay the link unchanged",
        )
    if payee_address != order.payee_address:
        raise InvalidInput(
            "uri", "the link's pa is not the payee of this order: pay the link unchanged"
        )


def _require_payable(order: UpiOrder, now: datetime) -> None:
    if order.status is Status.CAPTURED:
        raise Conflict(f"this order is paid already, UTR {order.utr}: it cannot be paid twice")
    if order.status is Status.UNKNOWN:
        raise Conflict("the payer was debited for this order already: wait for the bank to find it")
    if order.status is not Status.PROCESSING and order.expires_at <= now:
        raise Conflict("this QR has expired: get a new one on the shop's payment page")
