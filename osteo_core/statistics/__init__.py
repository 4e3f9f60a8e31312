"""Statistics: arrays in, an Estimate or a small record out; StatisticsError if a figure cannot be computed.

The error message gives the reason and is shown to users. Nothing is rounded. NaN is refused: callers drop and
count rows with missing values.
"""
