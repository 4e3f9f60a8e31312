-- The lines that current numbers came from, with how many series each.
SELECT
    r.calibration_name AS name,
    r.calibration_vendor AS vendor,
    r.calibration_model_name AS model,
    r.calibration_kvp AS kvp,
    r.calibration_slope_mg_cm3_per_hu AS slope,
    r.calibration_intercept_mg_cm3 AS intercept,
    r.calibration_mineral AS mineral,
    r.calibration_source AS source,
    count(*) AS series
FROM cohort
JOIN results AS r ON r.result_id = cohort.result_id
WHERE r.calibration_name IS NOT NULL
GROUP BY ALL
ORDER BY series DESC, name;
