"""Which card providers are asked, in which order, and why."""
