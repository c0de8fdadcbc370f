"""The pretend bank behind cards: it charges, asks holders, captures, lets go, refunds, and tells.

Every act takes the payment's row lock first, so that amounts add up whoever asks at the same moment;
an act asked again with its key is answered, not done again. Neither a card's number nor its code is
kept: the number says which test card it is, and is forgotten.
"""

from dataclasses import replace
from datetime import datetime

from nonstopay import clock, ids
from nonstopay.errors import Conflict, InvalidInput
from nonstopay.money import Money
from nonstopay.sandbox import notices
from nonstopay.sandbox.card import course, dispute, records
from nonstopay.sandbox.card.cards import named
from nonstopay.sandbox.card.dispute import Dispute, Stage
from nonstopay.sandbox.card.payment import Act, ActKind, Payment, Status
from nonstopay.sandbox.card.wish import NAME_FORM, Wish, begun, require_acceptable
from nonstopay.sandbox.faults import Target
from nonstopay.store.db import Connection, Database

SETTLED_AT_ONCE = 100


class CaptureRefused(Conflict):
    """The bank will not take this, now or later."""

    code = "capture_refused"


class VoidRefused(Conflict):
    """There is nothing to let go."""

    code = "void_refused"


class RefundRefused(Conflict):
    """The bank will not send this money back, now or later."""

    code = "refund_refused"


async def charge(db: Database, wish: Wish) -> Payment:
    """Charge a card; the same reference again answers the same payment.

    Raises:
        InvalidInput: reference, amount, expiry or an address are not acceptable.
        Conflict: the reference was used for another charge.
    """
    require_acceptable(wish)
    now = clock.now()
    fresh = begun(wish, now)
    async with db.transaction() as tx:
        if await records.insert(tx, fresh) and named(fresh.card).answers:
            await _tell(tx, fresh)
        payment = await _present(tx, wish.reference, now)
    if _differs(payment, fresh):
        raise Conflict("this reference was used for another charge")
    return payment


async def status(db: Database, reference: str) -> Payment:
    """What the payment is by now.

    Raises:
        NotFound: no such payment.
    """
    async with db.transaction() as tx:
        return await _present(tx, reference, clock.now())


async def challenged(db: Database, challenge: str) -> Payment:
    """The payment whose holder is asked at this address, answered or not.

    Raises:
        NotFound: nobody is.
    """
    async with db.transaction() as tx:
        reference = await records.reference_of_challenge(tx, challenge)
        return await _present(tx, reference, clock.now())


async def answer(db: Database, challenge: str, code: str | None) -> Payment:
    """The holder answers his bank; the first answer counts, and every later one finds it.

    Args:
        code: the one-time code as he typed it; `None` if he cancels.

    Raises:
        NotFound: nobody is asked at this address.
    """
    now = clock.now()
    async with db.transaction() as tx:
        reference = await records.reference_of_challenge(tx, challenge)
        payment = await _present(tx, reference, now)
        if payment.status is not Status.REQUIRES_AUTHENTICATION:
            return payment
        if code is None:
            payment = course.cancel(payment, now)
        else:
            payment = course.answer(payment, "".join(code.split()), now)
        await records.save(tx, payment)
        await _tell(tx, payment)
    return payment


async def capture(db: Database, reference: str, key: str, amount: Money, *, final: bool) -> Act:
    """Take a part of what is reserved; the same key again answers the same capture.

    Args:
        final: nothing more will be taken, the rest is let go.

    Raises:
        NotFound: no such payment.
        InvalidInput: a key or amount that cannot be one.
        Conflict: the key was used for something else.
        CaptureRefused: so much is not reserved.
    """
    now = clock.now()
    wanted = _act(ActKind.CAPTURE, key, amount, now, final=final)
    async with db.transaction() as tx:
        payment = await _present(tx, reference, now)
        if earlier := await _earlier(tx, payment, wanted):
            return earlier
        if payment.amount.currency != amount.currency or payment.open < amount:
            raise CaptureRefused(f"at most {payment.open} can be captured")
        payment = course.take(payment, amount, now)
        if final and payment.open.minor:
            payment = course.let_go(payment, now)
        await _do(tx, payment, wanted)
    return wanted


async def void(db: Database, reference: str, key: str) -> Act:
    """Let go what is reserved and not taken; the same key again answers the same.

    Raises:
        NotFound: no such payment.
        InvalidInput: a key that cannot be one.
        Conflict: the key was used for something else.
        VoidRefused: nothing is reserved.
    """
    now = clock.now()
    async with db.transaction() as tx:
        payment = await _present(tx, reference, now)
        wanted = _act(ActKind.VOID, key, payment.open, now)
        if earlier := await _earlier(tx, payment, wanted):
            return earlier
        if payment.open.minor == 0:
            raise VoidRefused(f"nothing is reserved: the payment is {payment.status}")
        await _do(tx, course.let_go(payment, now), wanted)
    return wanted


async def refund(db: Database, reference: str, key: str, amount: Money) -> Act:
    """Send money back to the card; the same key again answers the same refund.

    Raises:
        NotFound: no such payment.
        InvalidInput: a key or amount that cannot be one.
        Conflict: the key was used for something else.
        RefundRefused: more would go back than was taken and is still there.
    """
    now = clock.now()
    wanted = _act(ActKind.REFUND, key, amount, now)
    async with db.transaction() as tx:
        payment = await _present(tx, reference, now)
        if earlier := await _earlier(tx, payment, wanted):
            return earlier
        if payment.amount.currency != amount.currency or payment.refundable < amount:
            raise RefundRefused(f"at most {payment.refundable} can be refunded")
        await _do(tx, replace(payment, refunded=payment.refunded + amount), wanted)
    return wanted


async def contest(db: Database, note: str, stage: str) -> tuple[Payment, Dispute]:
    """The holder goes to his bank about the newest captured payment with this note.

    Args:
        stage: a word of `Stage`; the same again changes nothing.

    Raises:
        InvalidInput: no such stage.
        NotFound: no such payment.
        Conflict: the stage cannot follow, or there is nothing left to take back.
    """
    if stage not in list(Stage):
        raise InvalidInput("stage", f"stage must be one of: {', '.join(Stage)}")
    now = clock.now()
    async with db.transaction() as tx:
        payment = await _present(tx, await records.reference_of_note(tx, note), now)
        return await _contest(tx, payment, Stage(stage), now)


async def settle_due(db: Database, secret: bytes) -> None:
    """Move every payment whose time has come, and send what there is to tell.

    Run it a few times a second, in one process or many.

    Args:
        secret: signs the notifications; the connector knows it too.
    """
    now = clock.now()
    for reference in await records.due(db, now, SETTLED_AT_ONCE):
        async with db.transaction() as tx:
            await _present(tx, reference, now)
    await notices.send_due(db, secret)


def _differs(payment: Payment, other: Payment) -> bool:
    """Whether two charges with one reference are not the same charge."""
    return (payment.amount, payment.capture, payment.first6, payment.last4) != (
        other.amount,
        other.capture,
        other.first6,
        other.last4,
    )


async def _present(tx: Connection, reference: str, now: datetime) -> Payment:
    """The payment, locked, moved to what it should be by now."""
    payment = await records.lock(tx, reference)
    if payment.ends_at is not None and payment.ends_at <= now:
        payment = course.end(payment, max(payment.ends_at, payment.status_at))
        await records.save(tx, payment)
        await _tell(tx, payment)
    if payment.dispute_at is not None and payment.dispute_at <= now:
        at, payment = payment.dispute_at, replace(payment, dispute_at=None)
        if payment.refundable.minor:
            payment, _ = await _contest(tx, payment, Stage.CHARGEBACK, at)
        await records.save(tx, payment)
    return payment


async def _contest(
    tx: Connection, payment: Payment, stage: Stage, now: datetime
) -> tuple[Payment, Dispute]:
    payment, contested, has_moved = await dispute.move(tx, payment, stage, now)
    if has_moved:
        await _tell(tx, payment, contested=contested)
    return payment, contested


async def _earlier(tx: Connection, payment: Payment, wanted: Act) -> Act | None:
    """What was done with this key before, if it was the same."""
    earlier = await records.act_of(tx, payment, wanted.key)
    if earlier is None:
        return None
    is_same = earlier.kind is wanted.kind and (
        wanted.kind is ActKind.VOID
        or (earlier.amount, earlier.final) == (wanted.amount, wanted.final)
    )
    if not is_same:
        raise Conflict("this key was used for something else")
    return earlier


async def _do(tx: Connection, payment: Payment, act: Act) -> None:
    """Write an act down with what it made of the payment, and tell of it."""
    await records.save(tx, payment)
    await records.insert_act(tx, payment, act)
    await _tell(tx, payment, act=act)


async def _tell(
    tx: Connection, payment: Payment, act: Act | None = None, contested: Dispute | None = None
) -> None:
    """Notify of a payment, of an act on it, or of its dispute; not while its holder is asked."""
    if payment.status is Status.REQUIRES_AUTHENTICATION:
        return
    event = f"payment.{payment.status}"
    if act is not None:
        event = f"{act.kind}.done"
    elif contested is not None:
        event = f"dispute.{contested.stage}"
    body = {
        "event": event,
        "payment": payment.facts(),
        "act": act.facts() if act else None,
        "dispute": contested.facts() if contested else None,
    }
    await notices.enqueue(tx, Target.CARD, payment.reference, payment.notify_url, body)


def _act(kind: ActKind, key: str, amount: Money, now: datetime, *, final: bool = False) -> Act:
    if not NAME_FORM.fullmatch(key):
        raise InvalidInput("key", "key must be 1 to 64 of letters, digits, . _ -")
    if amount.minor <= 0 and kind is not ActKind.VOID:
        raise InvalidInput("amount", "amount must be more than 0")
    own = f"NS{kind[0].upper()}" + ids.random_bytes(10).hex().upper()
    return Act(kind=kind, key=key, id=own, amount=amount, final=final, at=now)
