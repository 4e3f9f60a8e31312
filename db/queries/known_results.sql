-- Series that have a result under $model_hash and $settings_hash; `status` is the latest one's.
SELECT series_key, arg_max(status, finished_at) AS status
FROM results
WHERE model_hash = $model_hash AND settings_hash = $settings_hash
GROUP BY series_key
ORDER BY series_key;
