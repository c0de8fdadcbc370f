"""The signer: a process of its own that holds the hot wallet's key, and signs what its own limits allow."""
