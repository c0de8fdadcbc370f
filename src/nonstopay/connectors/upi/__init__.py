"""UPI providers, found by listing this folder."""
