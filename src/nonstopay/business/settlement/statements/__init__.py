"""Statements: what became of every cent of a batch, in a form that anybody can check."""
