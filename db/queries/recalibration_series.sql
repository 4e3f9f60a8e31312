-- Eligible series that wait only because a setting changed: measured under $model_hash (or $own, as in waiting_series) and
-- $measuring_version from the files as they are now, but not under $settings_hash.
SELECT s.series_key
FROM current_series AS s
WHERE s.is_eligible
AND s.series_key IN (
    SELECT series_key FROM done($model_hash, $own::VARCHAR[], NULL, $measuring_version, true)
)
AND s.series_key NOT IN (
    SELECT series_key FROM done($model_hash, $own::VARCHAR[], $settings_hash, $measuring_version, false)
)
ORDER BY s.series_key;
