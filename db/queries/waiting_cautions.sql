-- Cautions noted when headers were read, for series without a result under $model_hash and $settings_hash.
SELECT c.series_key, c.code, c.step, c.level, c.found, c."limit"
FROM cautions AS c
JOIN series AS s ON s.index_id = c.source_id
WHERE s.is_eligible AND s.indexed_at = (SELECT max(t.indexed_at) FROM series AS t WHERE t.series_key = s.series_key)
AND NOT EXISTS (
    SELECT 1 FROM results AS r
    WHERE r.series_key = s.series_key AND r.model_hash = $model_hash AND r.settings_hash = $settings_hash
)
ORDER BY c.series_key, c.position;
