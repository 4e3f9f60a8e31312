"""Finds the spine in a whole volume and tells its levels apart (CARD.md)."""
