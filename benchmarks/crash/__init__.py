"""Kills at every file operation and at random moments, and the state of store, events and files afterwards."""
