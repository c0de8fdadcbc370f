"""The pretend bank behind card payments: acquirer, scheme and issuer in one."""
