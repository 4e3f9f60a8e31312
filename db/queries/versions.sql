-- Models, settings, measuring code, calibrations and origins that gave results, each with its number of results; of
-- each kind the $limit most frequent.
WITH measured AS (
    SELECT model_hash, settings_hash, measuring_version, calibration_kind, CASE WHEN is_read THEN 'reader' ELSE 'program' END AS origin
    FROM sound_results
    WHERE status = 'measured'
),
said AS (
    SELECT 'model' AS field, model_hash AS value, count(*) AS n FROM measured GROUP BY ALL
    UNION ALL
    SELECT 'settings', settings_hash, count(*) FROM measured GROUP BY ALL
    UNION ALL
    SELECT 'measuring', measuring_version, count(*) FROM measured GROUP BY ALL
    UNION ALL
    SELECT 'calibration', calibration_kind, count(*) FROM measured GROUP BY ALL
    UNION ALL
    SELECT 'origin', origin, count(*) FROM measured GROUP BY ALL
)
SELECT field, value, n
FROM said
WHERE value IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY field ORDER BY n DESC, value) <= $limit
ORDER BY field, n DESC, value;
