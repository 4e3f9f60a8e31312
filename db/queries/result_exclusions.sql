-- Exclusions of the result $result_id of $series_key in the order in which they were given.
SELECT code, step, level, found, "limit", sentence
FROM exclusions
WHERE series_key = $series_key AND source_id = $result_id
ORDER BY position;
