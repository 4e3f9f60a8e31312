-- Cautions noted when headers were read, for the series that waiting_series gives.
WITH readings AS (
    SELECT series_key, indexed_at, hash(count(*), bit_xor(hash(path, size_bytes, mtime_ns))) AS state
    FROM files
    GROUP BY series_key, indexed_at
),
changes AS (
    SELECT series_key, indexed_at FROM readings
    QUALIFY state <> lag(state) OVER (PARTITION BY series_key ORDER BY indexed_at)
),
done AS (
    SELECT r.series_key FROM results AS r
    WHERE r.model_hash = $model_hash AND r.settings_hash = $settings_hash
    AND NOT EXISTS (
        SELECT 1 FROM changes AS c
        WHERE c.series_key = r.series_key
        AND c.indexed_at > r.finished_at - to_milliseconds(CAST(1000 * coalesce(r.seconds, 0) AS BIGINT))
    )
    GROUP BY r.series_key
    HAVING NOT ($retry AND arg_max(status, finished_at) = 'failed')
)
SELECT c.series_key, c.code, c.step, c.level, c.found, c."limit"
FROM cautions AS c
JOIN series AS s ON s.index_id = c.source_id
WHERE s.is_eligible AND s.indexed_at = (SELECT max(t.indexed_at) FROM series AS t WHERE t.series_key = s.series_key)
AND s.series_key NOT IN (SELECT series_key FROM done)
ORDER BY c.series_key, c.position;
