"""Letters to people: written with what they tell of, sent by the worker afterwards."""
