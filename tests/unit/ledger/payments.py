"""Payments to post: a shop that sells in dollars and is paid in rupees over UPI."""

from datetime import UTC, datetime

from nonstopay.ledger.movements import CAPTURE, CAPTURE_TO_RETURN, REFUND_TO_PAYER, Facts, lines
from nonstopay.ledger.transfer import Transfer
from nonstopay.money import Money, fiat

USD, INR = fiat("USD"), fiat("INR")
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)
RUPEES_A_DOLLAR = 80


def dollars(minor: int) -> Money:
    return Money(minor, USD)


def rupees(minor: int) -> Money:
    return Money(minor, INR)


def captured(
    merchant_id: int, payment: int, cents: int, fee: int = 0, at: datetime = NOON
) -> list[Transfer]:
    """A payment of `cents` arrived in rupees; two or three lines."""
    facts = Facts(
        merchant_id=merchant_id,
        key=f"payment:{payment}/capture",
        about=f"payment:{payment}",
        at=at,
        connector="upi",
        charged=rupees(cents * RUPEES_A_DOLLAR),
        credited=dollars(cents),
        fee=dollars(fee),
    )
    return lines(CAPTURE, facts)


def came_late(merchant_id: int, payment: int, paise: int) -> list[Transfer]:
    """Money that must go back; one line."""
    return _held(CAPTURE_TO_RETURN, "return", merchant_id, payment, paise)


def sent_back(merchant_id: int, payment: int, paise: int) -> list[Transfer]:
    """Money that went back; one line."""
    return _held(REFUND_TO_PAYER, "refund", merchant_id, payment, paise)


def _held(movement: str, act: str, merchant_id: int, payment: int, paise: int) -> list[Transfer]:
    facts = Facts(
        merchant_id=merchant_id,
        key=f"payment:{payment}/{act}",
        about=f"payment:{payment}",
        at=NOON,
        connector="upi",
        charged=rupees(paise),
    )
    return lines(movement, facts)
