-- Levels of the result $result_id of $series_key, from head to foot, each with the latest reading of its cause.
SELECT
    m.* EXCLUDE (result_id, series_key),
    c.cause AS reader_cause,
    c.author AS reader,
    c."at" AS read_at
FROM measurements AS m
LEFT JOIN current_cause_readings AS c ON c.series_key = m.series_key AND c.level = m.level
WHERE m.series_key = $series_key AND m.result_id = $result_id
ORDER BY m.level;
