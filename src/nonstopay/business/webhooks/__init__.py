"""Telling merchants what happened: fan-out, delivery, signature, attempts."""
