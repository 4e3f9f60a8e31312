-- Levels of the current result of $series_key, from head to foot, each with the latest reading of its cause.
SELECT
    m.* EXCLUDE (result_id, series_key),
    c.cause AS reader_cause,
    c.author AS reader,
    c."at" AS read_at
FROM measurements AS m
JOIN cohort ON cohort.result_id = m.result_id
LEFT JOIN current_cause_readings AS c ON c.series_key = m.series_key AND c.level = m.level
WHERE m.series_key = $series_key AND cohort.series_key = $series_key
ORDER BY m.level;
