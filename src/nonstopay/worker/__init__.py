"""What happens without a caller: deliveries, look-ups, expiry, reactions."""
