-- Which weights, settings, measuring code and calibrations gave the current numbers of the filtered cohort, with how
-- many series each.
SELECT
    coalesce(model_hash, '') AS model_hash,
    coalesce(settings_hash, '') AS settings_hash,
    coalesce(measuring_version, '') AS measuring_version,
    coalesce(calibration_name, '') AS calibration_name,
    coalesce(calibration_mineral, '') AS mineral,
    is_simulated,
    count(*) AS n
FROM cohort
WHERE result_id IS NOT NULL AND /*cohort*/ TRUE
GROUP BY ALL
ORDER BY n DESC, model_hash, settings_hash, measuring_version, calibration_name, mineral, is_simulated;
