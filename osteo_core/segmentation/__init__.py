"""Masks from elsewhere: found for a series, read with the numbering they state, and cut from vertebrae to bodies."""
