"""Sending coins: orders, each under its caller's key, signed elsewhere and followed until they are final."""
