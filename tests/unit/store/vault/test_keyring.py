"""The vault's keys: named, several, strong, and never shown."""

import base64
from pathlib import Path

import pytest

from nonstopay.config import Settings, load
from nonstopay.errors import Misconfigured
from nonstopay.store.seal import SealBroken
from nonstopay.store.vault.keyring import Keyring, Sealed, keyring_of, parse_key
from tests.unit.store.vault.conftest import MakeKeyring, key_text

STRONG = "n0tAnExampleButA-l0ngAndRandomSecret_4242xyzQW"
CONTEXT = "vault_card:7:1:number"


def test_the_first_key_seals_and_all_of_them_open(keyring_of: MakeKeyring) -> None:
    old, both, new = keyring_of("k1"), keyring_of("k2", "k1"), keyring_of("k2")

    before, after = old.seal(b"x", CONTEXT), both.seal(b"x", CONTEXT)

    assert (before.key_id, after.key_id) == ("k1", "k2")
    assert (
        both.open(before, CONTEXT) == both.open(after, CONTEXT) == new.open(after, CONTEXT) == b"x"
    )
    with pytest.raises(SealBroken, match="k1"):
        new.open(before, CONTEXT)


def test_a_blob_opens_in_its_place_alone(keyring_of: MakeKeyring) -> None:
    keyring = keyring_of("k2", "k1")
    sealed = keyring.seal(b"x", CONTEXT)

    for elsewhere in ("vault_card:8:1:number", "vault_card:7:2:number", "vault_card:7:1:holder"):
        with pytest.raises(SealBroken):
            keyring.open(sealed, elsewhere)
    with pytest.raises(SealBroken):
        keyring.open(Sealed("k1", sealed.blob), CONTEXT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "k1",
        "k1:",
        "k1:short",
        f"k1:{'A' * 43}",
        f"k1:{base64.b64encode(b'z' * 32).decode()}",
        f"k1:{base64.b64encode(b'0123456789' * 3).decode()}",
        f"k1:{base64.b64encode(b'a secret of 33 bytes, one too many'[:33]).decode()}",
        f"K1:{key_text('k').partition(':')[2]}",
        f":{key_text('k').partition(':')[2]}",
        f"k1:{key_text('k').partition(':')[2]}!",
        "k1:exampleKEYexampleKEYexampleKEY-0123456789_a",
    ],
)
def test_weak_and_malformed_keys_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        parse_key(text)

    encoded = text.partition(":")[2]
    assert not encoded or encoded not in str(refused.value)


def test_keys_do_not_show_themselves(keyring_of: MakeKeyring) -> None:
    key = parse_key(key_text("k1"))
    sealed = keyring_of("k1").seal(b"number", CONTEXT)

    assert repr(key) == "VaultKey(id='k1')"
    assert repr(sealed) == "Sealed(key_id='k1')"
    assert key.secret not in key.check_value


def test_two_keys_of_one_name_are_refused(keyring_of: MakeKeyring) -> None:
    with pytest.raises(Misconfigured, match="same name"):
        keyring_of("k1", "k1")


def test_a_vault_without_keys_seals_nothing() -> None:
    empty = keyring_of(Settings(mode="live", secret_key=STRONG))

    assert not empty
    with pytest.raises(Misconfigured, match="NONSTOPAY_VAULT_KEYS_FILE"):
        empty.seal(b"x", CONTEXT)


def test_a_sandbox_derives_its_keys_and_follows_its_secret() -> None:
    first = keyring_of(Settings(secret_key=STRONG))
    changed = keyring_of(Settings(secret_key=STRONG[::-1], previous_secret_keys=[STRONG]))

    assert changed.open(first.seal(b"x", CONTEXT), CONTEXT) == b"x"
    assert changed.newest != first.newest
    assert [key.id for key in changed] == [changed.newest, first.newest]


def test_keys_come_from_a_file_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "vault.keys"
    file.write_text(f"{key_text('k2')}\n{key_text('k1')}\n")

    settings = load({}, {"NONSTOPAY_VAULT_KEYS_FILE": str(file)})

    assert [key.id for key in keyring_of(settings)] == ["k2", "k1"]


def test_an_empty_ring_contains_nothing() -> None:
    assert "k1" not in Keyring([])
    assert list(Keyring([])) == []
