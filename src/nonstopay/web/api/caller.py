"""Who is calling: the API key, and the address it may be used from. In this order, always.

The peer's address is the TCP peer. Only where the operator named trusted proxies does
X-Forwarded-For count, and then the rightmost hop that is not one of them: everything left of it was
written by the caller himself.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from nonstopay.business.merchants.directory import Directory
from nonstopay.business.merchants.merchant import Merchant, Network, is_in_networks
from nonstopay.web.api.errors import (
    ADDRESS_NOT_ALLOWED,
    INVALID_KEY,
    KEY_REQUIRED,
    NO_ADDRESS_LINKED,
    ContractError,
)

NO_WORDING: Mapping[int, str] = MappingProxyType({})


class PeerAddress:
    """Finds the caller's address behind the operator's own proxies."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted: tuple[Network, ...] = tuple(
            ipaddress.ip_network(network) for network in trusted_proxies
        )

    def of(self, scope: Mapping[str, Any]) -> str:
        """The address of whoever spoke to the outermost trusted proxy, or of the TCP peer."""
        client = scope.get("client")
        peer = str(client[0]) if client else ""
        if not self._trusted or not is_in_networks(peer, self._trusted):
            return peer
        hops: list[str] = [
            hop.strip()
            for name, value in scope["headers"]
            if name == b"x-forwarded-for"
            for hop in value.decode("latin-1").split(",")
        ]
        for hop in reversed(hops):
            if not is_in_networks(hop, self._trusted):
                return hop
            peer = hop
        return peer


class Callers:
    """The one guard in front of every call of the API."""

    def __init__(self, directory: Directory, addresses: PeerAddress) -> None:
        self._directory = directory
        self._addresses = addresses

    async def admit(
        self, scope: Mapping[str, Any], key: bytes | None, wording: Mapping[int, str] = NO_WORDING
    ) -> Merchant:
        """The merchant who calls.

        Args:
            key: the API-KEY header.
            wording: messages that this call words differently.

        Raises:
            ContractError: 50001, 50007, 50010, 50006, in this order.
        """
        if not key:
            raise ContractError(KEY_REQUIRED)
        merchant = await self._directory.by_key(key.decode("latin-1"))
        if merchant is None:
            raise ContractError(INVALID_KEY, wording.get(INVALID_KEY))
        if not merchant.networks:
            raise ContractError(NO_ADDRESS_LINKED)
        if not merchant.allows_address(self._addresses.of(scope)):
            raise ContractError(ADDRESS_NOT_ALLOWED, wording.get(ADDRESS_NOT_ALLOWED))
        return merchant
