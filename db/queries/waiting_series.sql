-- Series that count and are not done (db/views.sql), with their files: what `analyze` has to do. $own: 'series_key
-- model_hash' of series that have a model hash of their own. With $retry also those that failed last.
SELECT
    s.*,
    (
        SELECT list(f.path ORDER BY f.path) FROM files AS f
        WHERE f.series_key = s.series_key AND f.indexed_at = s.indexed_at
    ) AS files,
    (
        SELECT list([f.size_bytes, f.mtime_ns] ORDER BY f.path) FROM files AS f
        WHERE f.series_key = s.series_key AND f.indexed_at = s.indexed_at
    ) AS file_stamps
FROM current_series AS s
WHERE s.indexed_at IS NOT NULL
AND s.series_key IN (SELECT series_key FROM cohort WHERE is_counted)
AND s.series_key NOT IN (
    SELECT series_key
    FROM done($model_hash, $own::VARCHAR[], $settings_hash, $measuring_version, $retry::BOOLEAN)
)
ORDER BY s.study_date DESC NULLS LAST, s.series_key;
