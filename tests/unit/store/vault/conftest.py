"""Keys, cards and vaults for the tests of this folder."""

import base64
import hashlib
from collections.abc import Callable

import pytest

from nonstopay.card_number import is_luhn_valid, parse_number
from nonstopay.store.vault.card import Card
from nonstopay.store.vault.keyring import Keyring, parse_key
from tests.artefacts import look_for

MakeKeyring = Callable[..., Keyring]
MakeCard = Callable[..., Card]


@pytest.fixture
def keyring_of() -> MakeKeyring:
    """Keys by their names, the first one seals; one name is always one key."""

    def made(*names: str) -> Keyring:
        return Keyring([parse_key(key_text(name)) for name in names])

    return made


@pytest.fixture
def card_of() -> MakeCard:
    """The n-th of many different cards."""

    def made(
        number: int = 0, *, expiry: tuple[int, int] = (9, 2031), holder: str = "A. Payer"
    ) -> Card:
        body = f"400000{number:09d}"
        digit = next(one for one in "0123456789" if is_luhn_valid(body + one))
        month, year = expiry
        return Card(
            number=parse_number(look_for(body + digit)),
            expiry_month=month,
            expiry_year=year,
            holder=holder,
        )

    return made


def key_text(name: str) -> str:
    """A key as the settings name it."""
    return f"{name}:{base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode()}"
