"""Money that is withheld until somebody has looked at the payment."""
