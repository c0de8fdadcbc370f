"""The hot wallet: what it holds, and how much of its limits is used."""
