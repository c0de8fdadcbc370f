"""Merchants: account, keys, allow list, wallet, limits, fees."""
