"""Kills at every file operation and at random moments, and what is left of store, events and files afterwards."""
