"""Engines without a network of their own: they read masks from elsewhere, or run a segmentation tool on site.

This folder has no weights and no network, and so no card. Each result stores the source of its mask as its engine.
"""
