"""The card vault: card numbers sealed under keys that live outside the database. See docs/vault.md."""
