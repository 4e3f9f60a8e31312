"""vBMD from image crops, trained on simulated patients alone; reported beside the calibrated value (CARD.md)."""
