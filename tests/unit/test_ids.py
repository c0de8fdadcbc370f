"""Chance comes in by one door: well-formed, long enough, and owned by a simulation if need be."""

import base64
import hashlib
import random
import re
import secrets
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonstopay import ids


@pytest.fixture(autouse=True)
def _source_put_back() -> Iterator[None]:
    yield
    ids.draw_from(secrets.token_bytes)


@pytest.mark.parametrize("bits", [128, 129, 160, 256])
def test_a_token_has_the_bits_it_promises_and_fits_a_url(bits: int) -> None:
    token = ids.token(bits)

    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    assert len(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))) * 8 >= bits


def test_no_two_secrets_are_alike() -> None:
    for make in (ids.token, ids.signing_secret, lambda: ids.api_key("test")):
        assert len({make() for _ in range(1000)}) == 1000


@pytest.mark.parametrize("mode", ["live", "test"])
def test_an_api_key_is_well_formed(mode: str) -> None:
    key = ids.api_key(mode)

    assert re.fullmatch(rf"nsp_{mode}_[0-9A-Za-z]{{38}}", key)
    assert ids.is_well_formed_api_key(key)


def test_all_bits_of_an_api_key_are_in_its_text() -> None:
    """A random number of 192 bits has at most 33 digits; the 32 that stay hold 190 of the bits."""
    ids.draw_from(lambda count: b"\xff" * count)
    highest = ids.api_key("live")
    ids.draw_from(lambda count: b"\x00" * count)
    lowest = ids.api_key("live")

    assert len(highest) == len(lowest) == len("nsp_live_") + 38
    assert ids.is_well_formed_api_key(highest)
    assert ids.is_well_formed_api_key(lowest)


@given(st.integers(0, 37), st.sampled_from(ids._ALPHABET))
def test_any_mistyped_character_of_an_api_key_is_noticed(place: int, typed: str) -> None:
    key = ids.api_key("live")
    at = len("nsp_live_") + place
    mistyped = key[:at] + typed + key[at + 1 :]

    assert ids.is_well_formed_api_key(mistyped) == (mistyped == key)


@given(st.text(max_size=60))
def test_other_texts_are_no_api_keys(text: str) -> None:
    assert not ids.is_well_formed_api_key(text)
    assert not ids.is_well_formed_api_key(f"nsp_live_{text}")


def test_what_is_stored_of_a_key_is_its_hash() -> None:
    key = ids.api_key("live")

    assert ids.api_key_hash(key) == hashlib.sha256(key.encode()).digest()
    assert ids.api_key_hash(key) != ids.api_key_hash(ids.api_key("live"))


def test_a_signing_secret_has_the_form_of_standard_webhooks() -> None:
    prefix, _, body = ids.signing_secret().partition("_")

    assert prefix == "whsec"
    assert len(base64.b64decode(body, validate=True)) == 32


@pytest.mark.parametrize("digits", [1, 12, 35])
def test_a_number_has_exactly_its_digits(digits: int) -> None:
    assert all(re.fullmatch(rf"[0-9]{{{digits}}}", ids.number_text(digits)) for _ in range(100))
    ids.draw_from(lambda count: bytes(count))
    assert ids.number_text(digits) == "0" * digits


def test_a_fraction_lies_between_nought_and_one() -> None:
    assert all(0 <= ids.random_fraction() < 1 for _ in range(100))
    ids.draw_from(lambda count: b"\xff" * count)
    assert 0.999 < ids.random_fraction() < 1


def test_a_simulation_owns_the_chance() -> None:
    def everything_from(seed: int) -> list[object]:
        ids.draw_from(random.Random(seed).randbytes)
        return [
            ids.random_bytes(8),
            ids.token(),
            ids.api_key("test"),
            ids.signing_secret(),
            ids.number_text(12),
            ids.random_fraction(),
        ]

    assert everything_from(7) == everything_from(7)
    assert everything_from(7) != everything_from(8)
