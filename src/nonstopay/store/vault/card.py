"""What goes into the vault, and what may be seen of it from outside."""

from dataclasses import dataclass, field

from nonstopay.card_number import Brand, CardNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is kept of a card. There is no place for its code, which PCI DSS 3.3.1 forbids to keep."""

    number: CardNumber
    expiry_month: int
    expiry_year: int
    holder: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultedCard:
    """A card in the vault, without its number.

    Attributes:
        first6: the number's first digits, at most six.
        expiry_month, expiry_year: 1 to 12, and all four digits.
        fingerprint: 32 bytes, equal for equal numbers of one merchant; says nothing to who has no key.
    """

    id: int
    first6: str
    last4: str
    brand: Brand
    expiry_month: int
    expiry_year: int
    fingerprint: bytes = field(repr=False)
