"""A payer's bank that wants its payer's money back."""
