"""vBMD from image crops, trained on simulated patients alone; it stands beside the calibrated value (CARD.md)."""
