"""Statistics: arrays in, Estimate or a small record out; what cannot be computed raises StatisticsError with the reason.

Nothing is rounded. Rows with a missing value are the caller's to drop and to count: a NaN is refused.
"""
