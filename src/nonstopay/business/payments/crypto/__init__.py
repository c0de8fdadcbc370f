"""Paying by crypto: coins that payers send to an address made for their invoice."""
