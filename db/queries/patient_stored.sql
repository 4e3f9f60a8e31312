-- Latest headers and current result of $series_key as they are stored, in one row.
WITH header AS (
    SELECT * FROM series
    WHERE series_key = $series_key
    ORDER BY indexed_at DESC NULLS LAST, index_id DESC
    LIMIT 1
)
SELECT header.*, results.* EXCLUDE (series_key)
FROM header
JOIN cohort ON cohort.series_key = header.series_key
LEFT JOIN results ON results.series_key = header.series_key AND results.result_id = cohort.result_id;
