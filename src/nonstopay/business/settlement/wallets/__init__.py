"""Where a merchant is settled: an address that he proved to be his, or that the operator approved."""
