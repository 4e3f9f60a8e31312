"""Statistics: arrays in, Estimate or a small record out; what cannot be computed raises StatisticsError.

The error's sentence says why and is for the reader. Nothing is rounded. Rows with a missing value are the
caller's to drop and to count: a NaN is refused.
"""
