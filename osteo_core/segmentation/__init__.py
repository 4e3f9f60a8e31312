"""Masks made elsewhere: found by series, read with the numbering they state, bodies cut out of whole vertebrae."""
