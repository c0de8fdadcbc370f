"""Create a merchant, and change what was given of him."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from nonstopay.business.merchants import records
from nonstopay.business.merchants.merchant import ANY_CURRENCY, METHODS, Network
from nonstopay.errors import InvalidInput, NotFound
from nonstopay.store.db import Connection

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,255}\.[^@\s.\x00-\x1f]{2,63}")
_WALLET = re.compile(r"0x[0-9a-fA-F]{40}")
_NAME_MAX = 120
_MAPPED_BITS = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What to change; `None` leaves a thing as it is. A list given replaces the list."""

    methods: Sequence[str] | None = None
    networks: Sequence[str] | None = None
    wallet: str | None = None
    active: bool | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    limit_currency: str = ANY_CURRENCY
    fee_percent: Decimal | None = None
    fee_fixed: Decimal | None = None
    late_success: str | None = None
    card_capture: str | None = None
    card_direct: bool | None = None


async def create(tx: Connection, *, email: str, name: str, changes: Changes, at: datetime) -> int:
    """Create a merchant with every method on; his id.

    Raises:
        InvalidInput: an e-mail address, name, network or wallet of a wrong form.
    """
    if not _EMAIL.fullmatch(email):
        raise InvalidInput("email", "invalid email address")
    if not name.strip() or len(name) > _NAME_MAX or not name.isprintable():
        raise InvalidInput("name", f"a name has 1 to {_NAME_MAX} printable characters")
    merchant_id = await records.insert(tx, email=email, name=name, methods=METHODS, at=at)
    await change(tx, merchant_id, changes)
    return merchant_id


async def change(tx: Connection, merchant_id: int, changes: Changes) -> None:
    """Apply `changes` to a merchant.

    Raises:
        NotFound: no such merchant.
        InvalidInput: a value of a wrong form; nothing is changed then.
    """
    if await records.by_id(tx, merchant_id) is None:
        raise NotFound(f"there is no merchant {merchant_id}")
    await records.update(tx, merchant_id, **_columns(changes))
    if changes.networks is not None:
        await records.replace_networks(
            tx, merchant_id, [read_network(text) for text in changes.networks]
        )
    if changes.minimum is not None or changes.maximum is not None:
        await records.set_limit(
            tx, merchant_id, changes.limit_currency, changes.minimum, changes.maximum
        )


def read_network(text: str) -> Network:
    """A network in CIDR form, or one address; IPv4 written as IPv6 is IPv4. Raises `InvalidInput`."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise InvalidInput("ip", f"{text!r} is not an IP address or a CIDR network") from None
    mapped = network.version == 6 and network.network_address.ipv4_mapped
    if mapped and network.prefixlen >= _MAPPED_BITS:
        return ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return network


def _columns(changes: Changes) -> dict[str, object]:
    if changes.wallet is not None and not _WALLET.fullmatch(changes.wallet):
        raise InvalidInput("wallet", "a wallet is 0x and 40 hexadecimal digits")
    if changes.methods is not None and (unknown := set(changes.methods) - set(METHODS)):
        raise InvalidInput(
            "methods", f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(METHODS)}"
        )
    percent = changes.fee_percent
    if percent is not None and not (percent.is_finite() and 0 <= percent <= 100):
        raise InvalidInput("fee_percent", "a fee is 0 to 100 percent")
    for amount in (changes.fee_fixed, changes.minimum, changes.maximum):
        if amount is not None and not (amount.is_finite() and amount >= 0):
            raise InvalidInput("amount", "fees and limits are not negative")
    if changes.late_success not in (None, "credit", "refund"):
        raise InvalidInput("late_success", "late success is credited or refunded")
    if changes.card_capture not in (None, "automatic", "manual"):
        raise InvalidInput("card_capture", "cards are captured automatic or manual")
    return {
        "methods": list(changes.methods) if changes.methods is not None else None,
        "wallet_address": changes.wallet,
        "wallet_active": changes.active,
        "fee_percent": changes.fee_percent,
        "fee_fixed": changes.fee_fixed,
        "late_success": changes.late_success,
        "card_capture": changes.card_capture,
        "card_direct": changes.card_direct,
    }
