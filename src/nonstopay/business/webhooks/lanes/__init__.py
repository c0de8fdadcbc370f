"""The way of deliveries: lanes in order, claims by lease, results."""
