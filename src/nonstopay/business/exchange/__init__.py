"""Exchange rates and quotes."""
