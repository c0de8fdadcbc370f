"""The figures, measured beside their yardstick."""
