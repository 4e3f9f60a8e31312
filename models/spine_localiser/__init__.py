"""Finds the spine in a whole volume and identifies its levels (CARD.md)."""
