-- Series that count and wait, and were measured under $model_hash (or $own, as in waiting_series) and
-- $measuring_version from the files as they are now, under whatever settings: the latest such result is calibrated and
-- assessed again.
SELECT s.series_key
FROM current_series AS s
WHERE s.series_key IN (SELECT series_key FROM cohort WHERE is_counted)
AND s.series_key IN (
    SELECT r.series_key FROM measured_results AS r
    WHERE (r.model_hash = $model_hash OR list_contains($own::VARCHAR[], concat(r.series_key, ' ', r.model_hash)))
    AND r.measuring_version = $measuring_version
    AND NOT r.is_outdated
    GROUP BY r.series_key
    HAVING arg_max(r.status, r.finished_at) <> 'failed'
)
AND s.series_key NOT IN (
    SELECT series_key FROM done($model_hash, $own::VARCHAR[], $settings_hash, $measuring_version, false)
)
ORDER BY s.series_key;
