"""The books: double entry, one book per merchant, insert-only."""
