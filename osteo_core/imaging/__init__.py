"""Grids of voxels: NIfTI in and out, resampling, re-orientation, and whether values are HU at all."""
