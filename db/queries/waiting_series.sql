-- Eligible series without a result under $model_hash and $settings_hash, with their files: what `analyze` has to do.
-- $own: 'series_key model_hash' of series that have a model hash of their own (masks from elsewhere).
-- A result counts only where the files did not change after its analysis began. With $retry also those that failed last.
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
    WHERE (
        r.model_hash = $model_hash
        OR concat(r.series_key, ' ', r.model_hash) IN (SELECT unnest(CAST($own AS VARCHAR[])))
    )
    AND r.settings_hash = $settings_hash
    AND NOT EXISTS (
        SELECT 1 FROM changes AS c
        WHERE c.series_key = r.series_key
        AND c.indexed_at > r.finished_at - to_milliseconds(CAST(1000 * coalesce(r.seconds, 0) AS BIGINT))
    )
    GROUP BY r.series_key
    HAVING NOT ($retry AND arg_max(status, finished_at) = 'failed')
)
SELECT
    s.*,
    (
        SELECT list(f.path ORDER BY f.path) FROM files AS f
        WHERE f.series_key = s.series_key AND f.indexed_at = s.indexed_at
    ) AS files
FROM series AS s
WHERE s.indexed_at IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY s.series_key ORDER BY s.indexed_at DESC, s.index_id DESC) = 1
AND s.is_eligible
AND s.series_key NOT IN (SELECT series_key FROM done)
ORDER BY s.study_date DESC NULLS LAST, s.series_key;
