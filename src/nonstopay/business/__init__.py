"""What the gateway does, one folder a capability, one file a verb."""
