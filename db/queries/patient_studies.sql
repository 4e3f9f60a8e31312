-- The study of $series_key, then the earlier studies of the same patient, the latest first: of each the series that
-- counts.
WITH present AS (
    SELECT patient_key, study_key, study_date FROM cohort WHERE series_key = $series_key
),
header AS (
    SELECT series_key, kernel_group FROM series
    WHERE patient_key = (SELECT patient_key FROM present)
    QUALIFY is_current_series(series_key, indexed_at, index_id)
)
SELECT
    c.series_key, c.study_date, c.status, c.category, c.vendor, c.manufacturer_model_name, c.device_key, c.kvp,
    h.kernel_group, c.contrast_phase, c.calibration_mineral, r.calibration_kind, r.calibration_name, r.calibration_source,
    r.calibration_slope_mg_cm3_per_hu, r.calibration_intercept_mg_cm3, c.measuring_version, c.model_hash, c.result_id,
    c.mean_vbmd_mg_cm3, c.mean_vbmd_low_mg_cm3, c.mean_vbmd_high_mg_cm3, c.levels_used, c.worst_fracture_grade,
    c.is_read
FROM cohort AS c
CROSS JOIN present AS p
LEFT JOIN header AS h ON h.series_key = c.series_key
LEFT JOIN results AS r ON r.series_key = c.series_key AND r.result_id = c.result_id
WHERE c.series_key = $series_key
    OR (c.patient_key = p.patient_key AND c.study_key <> p.study_key AND c.study_date < p.study_date)
QUALIFY row_number() OVER (
    PARTITION BY c.study_key
    ORDER BY c.series_key = $series_key DESC, c.has_category DESC, c.is_preferred DESC, c.series_key
) = 1
ORDER BY c.series_key = $series_key DESC, c.study_date DESC, c.series_key
LIMIT 4;
