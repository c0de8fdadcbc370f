"""EIP-55, with the vectors of its own page; and what is no address."""

import pytest

from nonstopay.connectors.crypto import evm_address, tron_address
from nonstopay.errors import InvalidInput

VECTORS = [
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]


@pytest.mark.parametrize("address", VECTORS)
def test_the_capitals_of_eip_55(address: str) -> None:
    assert evm_address.spell(bytes.fromhex(address[2:])) == address
    assert evm_address.read(address) == address


@pytest.mark.parametrize(
    "text",
    [
        VECTORS[4].lower(),
        VECTORS[4].replace("Ae", "ae"),
        VECTORS[4][:-1],
        VECTORS[4][2:],
        " " + VECTORS[4],
        VECTORS[4] + "\n",
    ],
)
def test_a_slip_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        evm_address.read(text)


def test_base58_keeps_its_case() -> None:
    """Lower-cased, an address of TRON is nobody's (a bug seen in a gateway like ours)."""
    usdt = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"

    assert tron_address.read(usdt) == usdt
    for text in (usdt.lower(), usdt[:-1], usdt + "t", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", ""):
        with pytest.raises(InvalidInput):
            tron_address.read(text)
