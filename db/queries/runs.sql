-- Which models, settings and measuring code gave results, from when to when, and how long a series took (median to
-- about a percent).
SELECT
    model_hash,
    settings_hash,
    measuring_version,
    min(finished_at) AS first_finished_at,
    max(finished_at) AS last_finished_at,
    count(DISTINCT hash(series_key)) AS n_series,
    count(*) FILTER (status = 'failed') AS n_failed,
    approx_quantile(seconds, 0.5) AS median_seconds
FROM sound_results
GROUP BY model_hash, settings_hash, measuring_version
ORDER BY last_finished_at DESC, model_hash, settings_hash, measuring_version;
