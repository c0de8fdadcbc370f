"""What the sandbox's pages and controls need to know."""

from dataclasses import dataclass, field

from nonstopay.store.db import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxContext:
    """Made once, when the application starts in sandbox mode.

    Attributes:
        base_url: where people reach this gateway, without a final slash.
        upi_api_key: what the UPI provider lets callers in with.
    """

    db: Database
    base_url: str
    upi_api_key: str = field(repr=False)
