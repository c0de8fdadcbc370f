"""What came to our addresses on the chains, and how sure we are of it. Knows no invoice but by number."""
