"""What must hold between invoices, payments, events and the books, at any moment."""
