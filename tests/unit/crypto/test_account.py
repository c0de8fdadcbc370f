"""Addresses from extended public keys, held against the vectors that the standards publish."""

import pytest
from embit.bip32 import HDKey
from embit.bip39 import mnemonic_to_seed

from nonstopay.connectors.crypto import networks
from nonstopay.connectors.crypto.account import Account, read_account
from nonstopay.errors import Misconfigured

NETWORKS = networks.load()
ABANDON = " ".join(["abandon"] * 11 + ["about"])  # BIP-39, BIP-84: the mnemonic of their vectors
ZPUB = (
    "zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKs"
    "AYz2oz2AGutZYs"
)


def _account(network: str, mnemonic: str = ABANDON) -> Account:
    """What a wallet with this mnemonic exports for a network."""
    path = NETWORKS[network].account_path
    exported = HDKey.from_seed(mnemonic_to_seed(mnemonic)).derive(path).to_public()
    return read_account(exported.to_base58(), NETWORKS[network])


def test_bip32_vector_1() -> None:
    """Chain m/0'/1: by the private way and by the public way the same key."""
    root = HDKey.from_seed(bytes.fromhex("000102030405060708090a0b0c0d0e0f"))
    hardened = root.derive("m/0h").to_public()

    assert hardened.child(1).to_base58() == root.derive("m/0h/1").to_public().to_base58()
    assert hardened.child(1).to_base58() == (
        "xpub6ASuArnXKPbfEwhqN6e3mwBcDTgzisQN1wXN9BJcM47sSikHjJf3UFHKkNAWbWMiGj7Wf5uMash7SyYq527Hqck2AxY"
        "ysAA7xmALppuCkwQ"
    )


def test_bip39_vector() -> None:
    assert mnemonic_to_seed(ABANDON, password="TREZOR").hex() == (
        "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf14163"
        "0c7a3c4ab7c81b2f001698e7463b04"
    )


def test_bip84_vectors() -> None:
    account, bitcoin = read_account(ZPUB, NETWORKS["bitcoin"]), NETWORKS["bitcoin"]

    assert account.address(bitcoin, 0) == "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
    assert account.address(bitcoin, 1) == "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g"
    assert account.path_of(1) == "m/84'/0'/0'/0/1"
    assert _account("bitcoin").address(bitcoin, 0) == account.address(bitcoin, 0)


@pytest.mark.parametrize(
    ("network", "mnemonic", "address"),
    [
        # The first account of every development node (hardhat, anvil).
        ("ethereum", "test " * 11 + "junk", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        ("ethereum", ABANDON, "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"),
        ("litecoin", ABANDON, "ltc1qjmxnz78nmc8nq77wuxh25n2es7rzm5c2rkk4wh"),
        ("tron", ABANDON, "TUEZSdKsoDHQMeZwihtdoBiN46zxhGWYdH"),
    ],
)
def test_bip44_first_addresses(network: str, mnemonic: str, address: str) -> None:
    assert _account(network, mnemonic.strip()).address(NETWORKS[network], 0) == address


def test_one_address_serves_all_evm_networks() -> None:
    account = _account("ethereum")
    evm = [one for one in NETWORKS.values() if one.kind is networks.Kind.EVM]

    assert len({account.address(one, 7) for one in evm}) == 1
    assert len({account.address(NETWORKS["polygon"], index) for index in range(50)}) == 50


def test_an_account_stays_on_its_path() -> None:
    with pytest.raises(Misconfigured, match="44'/195'"):
        _account("ethereum").address(NETWORKS["tron"], 0)


@pytest.mark.parametrize("index", [-1, 1 << 31])
def test_a_hardened_index_has_no_public_key(index: int) -> None:
    with pytest.raises(ValueError, match="index"):
        _account("ethereum").address(NETWORKS["ethereum"], index)


def test_what_is_no_account_is_refused_and_not_repeated() -> None:
    root = HDKey.from_seed(mnemonic_to_seed(ABANDON))
    account = root.derive("m/44h/60h/0h")
    wrong = {
        account.to_base58(): "private",
        root.to_public().to_base58(): "not the key of an account",
        account.to_public().child(0).to_base58(): "not the key of an account",
        ZPUB: "another kind",
        account.to_public().to_base58()[:-1] + "1": "no extended public key",
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266": "no extended public key",
    }

    for text, said in wrong.items():
        with pytest.raises(Misconfigured, match=said) as refused:
            read_account(text, NETWORKS["ethereum"])
        assert text not in str(refused.value)


def test_an_account_shows_no_key() -> None:
    assert "pub" not in repr(_account("ethereum")).replace("path", "")
