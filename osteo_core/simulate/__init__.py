"""Simulated patients with known truth, as real multi-slice DICOM CT; everything made here is marked as simulated."""
