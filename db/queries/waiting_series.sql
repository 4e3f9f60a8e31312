-- Eligible series without a result under $model_hash and $settings_hash, with their files: what `analyze` has to do.
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
AND NOT EXISTS (
    SELECT 1 FROM results AS r
    WHERE r.series_key = s.series_key AND r.model_hash = $model_hash AND r.settings_hash = $settings_hash
)
ORDER BY s.study_date DESC NULLS LAST, s.series_key;
