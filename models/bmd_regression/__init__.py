"""vBMD from image crops, trained on simulated patients only; reported beside the calibrated value (CARD.md)."""
