-- Models, settings, measuring code, calibrations and origins that gave results, each with its number of series; of each kind the
-- $limit most frequent.
WITH said AS (
    SELECT
        series_key,
        unnest([
            {'field': 'model', 'value': model_hash},
            {'field': 'settings', 'value': settings_hash},
            {'field': 'measuring', 'value': measuring_version},
            {'field': 'calibration', 'value': calibration_kind},
            {'field': 'origin', 'value': CASE WHEN is_read THEN 'reader' ELSE 'program' END}
        ]) AS part
    FROM results
    WHERE status = 'measured'
)
SELECT part.field AS field, part.value AS value, count(DISTINCT series_key) AS n
FROM said
WHERE part.value IS NOT NULL
GROUP BY part.field, part.value
QUALIFY row_number() OVER (PARTITION BY field ORDER BY n DESC, value) <= $limit
ORDER BY field, n DESC, value;
