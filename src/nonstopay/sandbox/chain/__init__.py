"""The sandbox's own chains: real EVM nodes on this machine, with coins that are worth nothing."""
