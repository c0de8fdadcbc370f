"""What merchants earned goes to their own wallets: batches, wallets, statements."""
