"""A regression of vBMD from image crops; not trained yet (CARD.md)."""
