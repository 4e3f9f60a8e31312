"""The networks: one folder a model, a registry that checks their weights, a runtime that runs them."""
