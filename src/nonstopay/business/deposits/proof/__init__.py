"""What must hold between the chains, our deposits and the books."""
