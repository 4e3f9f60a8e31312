"""Patients of known truth as real multi-slice DICOM CT. Everything made here is marked as simulated."""
