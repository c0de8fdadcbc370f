"""The accounts that a sandbox derives from when it was given none, so that it offers coins at once.

They are those of BIP-39's published test vector "legal winner thank year wave sausage worth useful legal
winner thank yellow" without a passphrase, at each network's account path. All the world has the private
keys: what is sent there on a real chain is gone. So they serve the sandbox's own chains alone, and
nobody who is live.
"""

from collections.abc import Mapping

ACCOUNTS: Mapping[str, str] = {
    "evm": (
        "xpub6Bh6Cg7bvjFdW6VEAaZmsyhZh86WdJ9Kr5aqqY5LN7UFLpxTrxsiys213UCu8MAYjcq5JhF7j"
        "zZXvruGfWfPbxqsByNNhwWaNQRuhP3JcC3"
    ),
    "tron": (
        "xpub6CCd6xRaRNYQJ9yrjm8WrCbkawvA1W621T26y9JjXGMyq7n4ocuMRoSCMhuwN6hHGkBQxMoQJ"
        "kSkz7AwoXVzCs4bziNpALtHQBSNQTcVv8w"
    ),
    "bitcoin": (
        "xpub6DNfJehqF1LUs9kwaqDu12Ajpz9psYVtbGhTykQo1CYdkkqV2vAyR4DiWXSTTDujWHzVy1AtV"
        "6ENGKWgwbLWqa4wXMZR4ZmdpRjQBG5EgTV"
    ),
    "litecoin": (
        "xpub6Bv2jbjfWp25KRCJWz8xSn2Y8soq8KVmh2PB6NVfXenzEHddcxjfb9hLCowGgj2jXXi2TEDPK"
        "QhtcciXkt6Q5rHEw9WPZDKJ5uPjwDtxhkp"
    ),
}
