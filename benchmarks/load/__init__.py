"""The load suite: many people on one store at once, with an analysis running."""
