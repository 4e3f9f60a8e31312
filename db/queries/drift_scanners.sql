-- How many series with a vBMD and a day of study each scanner has, compared or not yet (see drift_days).
SELECT coalesce(device_key, manufacturer_model_name, vendor) AS scanner, count(*) AS n
FROM cohort
WHERE status = 'measured' AND mean_vbmd_mg_cm3 IS NOT NULL AND study_date IS NOT NULL AND /*cohort*/ TRUE
GROUP BY scanner
ORDER BY n DESC, scanner;
