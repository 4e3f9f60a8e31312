"""Outlines vertebral bodies near the spine and numbers them (CARD.md)."""
