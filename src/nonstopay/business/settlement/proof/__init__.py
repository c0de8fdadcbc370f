"""What must hold between batches, invoices, wallets' coins and the books, at any moment."""
