"""Money that came and must go back to its payer: how much it is, and what holds it up."""
