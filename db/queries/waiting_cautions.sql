-- Cautions noted when headers were read, for the series that waiting_series gives without any $own.
SELECT c.series_key, c.code, c.step, c.level, c.found, c."limit"
FROM cautions AS c
JOIN series AS s ON s.index_id = c.source_id
WHERE s.series_key IN (SELECT series_key FROM cohort WHERE is_counted)
AND s.indexed_at = (SELECT max(t.indexed_at) FROM series AS t WHERE t.series_key = s.series_key)
AND s.series_key NOT IN (
    SELECT series_key
    FROM done($model_hash, []::VARCHAR[], $settings_hash, $measuring_version, $retry::BOOLEAN)
)
ORDER BY c.series_key, c.position;
