"""What gateway and signer say to each other: a line of JSON each way."""

import msgspec

from nonstopay.signer.spend import Hex, Spend, Units

SOCKET = "signer.sock"
LINE_MAX = 1 << 15
"""Bytes of a line."""


class WhoAreYou(msgspec.Struct, frozen=True, tag="address", forbid_unknown_fields=True):
    """Whose key it is."""


class Reserve(msgspec.Struct, frozen=True, tag="reserve", forbid_unknown_fields=True):
    order: str
    spend: Spend


class Sign(msgspec.Struct, frozen=True, tag="sign", forbid_unknown_fields=True):
    """Fees are wei for a unit of gas."""

    order: str
    nonce: int
    gas: int
    max_fee: Units
    tip: Units


class Fill(msgspec.Struct, frozen=True, tag="fill", forbid_unknown_fields=True):
    network: str
    nonce: int
    max_fee: Units
    tip: Units


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The answer. `refused`: why not; then nothing was done."""

    address: str = ""
    raw: Hex = ""
    refused: str = ""


Wish = WhoAreYou | Reserve | Sign | Fill
