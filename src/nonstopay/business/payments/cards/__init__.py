"""Paying by card: the attempt, the way through 3-D Secure and back."""
