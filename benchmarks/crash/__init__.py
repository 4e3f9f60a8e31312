"""Kills at every file operation and at random times, and the state of store, events and files afterwards."""
