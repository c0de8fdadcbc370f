"""One digest for many lines: a Merkle tree as in RFC 6962, section 2.1, with SHA-256.

A leaf is hashed behind a zero byte and a node behind a one, so no node passes for a leaf.
"""

import hashlib
from collections.abc import Sequence


def root_of(leaves: Sequence[str]) -> bytes:
    """The root over the leaves in their order; of none it is the digest of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    return _root([hashlib.sha256(b"\x00" + leaf.encode()).digest() for leaf in leaves])


def _root(level: list[bytes]) -> bytes:
    """Pairs are hashed level by level; an odd last one rises as it is, which is RFC 6962's tree."""
    while len(level) > 1:
        paired = [
            hashlib.sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        level = paired + (level[-1:] if len(level) % 2 else [])
    return level[0]
