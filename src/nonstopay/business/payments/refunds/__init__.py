"""Money that a merchant gives back to the payer of an invoice, in whole or in parts."""
