"""Attempts to pay an invoice: started, reported on, booked."""
