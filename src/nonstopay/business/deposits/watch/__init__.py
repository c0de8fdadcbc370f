"""Reading the chains for what came to our addresses: one loop for each network, in the worker."""
