"""A merchant's events in the order of their positions, for those who rather ask than be told."""
