-- Eligible series without a result under $model_hash and $settings_hash, with their files: what `analyze` has to do.
-- With $retry also those that failed last.
WITH done AS (
    SELECT series_key FROM results
    WHERE model_hash = $model_hash AND settings_hash = $settings_hash
    GROUP BY series_key
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
