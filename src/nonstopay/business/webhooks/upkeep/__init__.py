"""What keeps webhooks in shape: counters for the metrics, and forgetting what is old."""
