-- The headers of $series_key as last read, every column of `series`.
SELECT * FROM current_series WHERE series_key = $series_key;
