"""Translators to the outside: one provider, one file. They report outcomes and decide nothing."""
