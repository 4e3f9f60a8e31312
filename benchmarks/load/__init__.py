"""The load suite: people on a store at once, an analysis beside them."""
