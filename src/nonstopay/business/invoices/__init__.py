"""Invoices: created by the merchant, opened by the payer, paid, settled."""
