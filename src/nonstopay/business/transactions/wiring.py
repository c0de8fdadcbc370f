"""The sender that the settings make: where the signer listens, by what limits, how patient."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from nonstopay.business.transactions.account import Pace
from nonstopay.business.transactions.ask import Desk
from nonstopay.business.transactions.crash import crash_points
from nonstopay.business.transactions.sender import Sender
from nonstopay.config import Settings
from nonstopay.connectors.crypto.evm_network import connect
from nonstopay.connectors.crypto.networks import Networks
from nonstopay.connectors.http import ProviderHttp
from nonstopay.signer.client import SignerClient
from nonstopay.signer.limits import limits_of
from nonstopay.signer.words import SOCKET
from nonstopay.store.db import Database

SANDBOX_PACE = Pace(
    resend=timedelta(seconds=2),
    bump=timedelta(seconds=10),
    blocks=1,
    lease=timedelta(seconds=1),
)
"""The sandbox's chains make a block for each transaction and no other, so one block has to do."""
LIVE_PACE = Pace(look_seconds=2.0)


def socket_of(settings: Settings) -> Path:
    """Where the signer listens."""
    return Path(settings.signer_socket) if settings.signer_socket else settings.data_path / SOCKET


def has_signer(settings: Settings, *, own_chains: bool) -> bool:
    """Whether somebody signs for this installation: in the sandbox for its own chains alone."""
    return own_chains or bool(settings.signer_key_file or settings.signer_socket)


def sender_of(
    settings: Settings,
    db: Database,
    networks: Networks,
    nodes: Mapping[str, Mapping[str, str]],
    http: ProviderHttp,
    *,
    own_chains: bool,
) -> Sender | None:
    """The sender; `None` where there is no signer, or no EVM network.

    Args:
        nodes: the sections `[chain.NETWORK]`, or what the sandbox has instead.
        own_chains: the chains are the sandbox's own.

    Raises:
        Misconfigured: a limit that is none.
    """
    chains = connect(networks, nodes, http)
    if not chains or not has_signer(settings, own_chains=own_chains):
        return None
    hours = 0 if own_chains else settings.hot_new_address_hours
    return Sender(
        db,
        Desk(networks=networks, limits=limits_of(settings), new_address=timedelta(hours=hours)),
        chains,
        SignerClient(socket_of(settings)),
        pace=SANDBOX_PACE if own_chains else LIVE_PACE,
        crash=crash_points(os.environ, live=settings.live),
    )
