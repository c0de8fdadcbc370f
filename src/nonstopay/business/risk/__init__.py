"""Whether a card attempt is let through: rules, lists, counts, and the decision with its reasons."""
