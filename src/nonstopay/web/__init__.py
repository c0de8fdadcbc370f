"""HTTP: the contract's API, the payment page, providers' notifications, the sandbox's controls."""
