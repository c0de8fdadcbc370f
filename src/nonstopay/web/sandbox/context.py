"""What the sandbox's pages and controls need to know."""

from dataclasses import dataclass, field
from pathlib import Path

from nonstopay.store.db import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxContext:
    """Made once, when the application starts in sandbox mode.

    Attributes:
        base_url: where people reach this gateway, without a final slash.
        upi_api_key, card_api_key: what the pretend providers let callers in with.
        chain: the data folder, where the sandbox's chains run; `None`: they are off.
    """

    db: Database
    base_url: str
    upi_api_key: str = field(repr=False)
    card_api_key: str = field(repr=False)
    chain: Path | None = None
