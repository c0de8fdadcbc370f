"""Parts of a reservation that the merchant has taken, one after the other."""
