"""Card providers, found by listing this folder."""
