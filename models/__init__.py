"""The networks: one folder per model, a registry that verifies their weights, and a runtime that runs them."""
