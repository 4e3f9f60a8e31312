-- Series that are done under $model_hash, $settings_hash and $measuring_version (db/views.sql).
SELECT series_key
FROM done($model_hash, []::VARCHAR[], $settings_hash, $measuring_version, false)
ORDER BY series_key;
