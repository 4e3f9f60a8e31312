-- The headers of $series_key as last read, every column of `series`.
SELECT * FROM series
WHERE series_key = $series_key
QUALIFY row_number() OVER (ORDER BY indexed_at DESC NULLS LAST, index_id DESC) = 1;
