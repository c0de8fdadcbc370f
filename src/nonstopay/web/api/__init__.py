"""The documented API, exactly: names and numbers of the contract live here."""
