"""The books against what came on the chains: each sure transfer once, with its amount, and no other."""

from collections.abc import Sequence

from nonstopay.business.deposits.deposit import Deposit
from nonstopay.business.payments.crypto import records
from nonstopay.store.db import Connection


def key_of(deposit: Deposit) -> str:
    """Under what a transfer stands in the book of its merchant, in whatever block it is."""
    return f"deposit:{deposit.network}/{deposit.transaction}/{deposit.place}"


async def differences(conn: Connection, deposits: Sequence[Deposit]) -> list[str]:
    """Sentences about confirmed deposits that the books do not have, or have with another amount."""
    booked = await records.booked(conn, [(one.merchant_id, key_of(one)) for one in deposits])
    return [
        f"{key_of(one)}: {one.amount} came, {booked.get(key_of(one), 0)} units are booked"
        for one in deposits
        if booked.get(key_of(one), 0) != one.amount.minor
    ]
