"""Secrets at rest: what is sealed opens here, unchanged, and nowhere else."""

import pytest

from nonstopay.errors import Misconfigured
from nonstopay.store.seal import SealBroken, Sealer, derive

OLD, NEW = b"o" * 32, b"n" * 32
CONTEXT = "webhook_secret:7"


def test_a_sealed_secret_opens_and_does_not_show() -> None:
    sealer = Sealer([NEW])

    blob = sealer.seal(b"whsec_abc", CONTEXT)

    assert sealer.open(blob, CONTEXT) == b"whsec_abc"
    assert b"whsec" not in blob


def test_the_same_secret_never_looks_the_same_twice() -> None:
    sealer = Sealer([NEW])

    assert sealer.seal(b"same", CONTEXT) != sealer.seal(b"same", CONTEXT)


def test_every_changed_bit_breaks_the_seal() -> None:
    sealer = Sealer([NEW])
    blob = sealer.seal(b"x", CONTEXT)

    for position in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(SealBroken):
            sealer.open(bytes(changed), CONTEXT)


@pytest.mark.parametrize("length", range(34))
def test_a_torn_blob_does_not_open(length: int) -> None:
    sealer = Sealer([NEW])
    blob = sealer.seal(b"xy", CONTEXT)

    with pytest.raises(SealBroken):
        sealer.open(blob[:length], CONTEXT)


def test_a_blob_moved_to_another_merchant_does_not_open() -> None:
    sealer = Sealer([NEW])

    with pytest.raises(SealBroken):
        sealer.open(sealer.seal(b"x", CONTEXT), "webhook_secret:8")


def test_after_a_key_rotation_the_old_blobs_still_open_and_new_ones_use_the_new_key() -> None:
    before, after = Sealer([OLD]), Sealer([NEW, OLD])

    assert after.open(before.seal(b"x", CONTEXT), CONTEXT) == b"x"
    with pytest.raises(SealBroken):
        before.open(after.seal(b"x", CONTEXT), CONTEXT)


def test_a_key_for_one_purpose_is_no_key_for_another() -> None:
    assert derive(NEW, "seal") != derive(NEW, "idempotency")
    assert derive(NEW, "seal") == derive(NEW, "seal")
    assert len(derive(NEW, "seal")) == 32


def test_weak_or_missing_keys_are_refused() -> None:
    with pytest.raises(Misconfigured):
        derive(b"short", "seal")
    with pytest.raises(Misconfigured):
        Sealer([])
