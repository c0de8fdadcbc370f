"""What the crypto rail knows of chains: networks, coins, addresses, payment links, how to ask a node."""
