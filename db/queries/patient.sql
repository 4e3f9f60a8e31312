-- Everything that has one row for the series $series_key. `files` are local paths.
SELECT
    cohort.* EXCLUDE (mean_vbmd_mg_cm3, mean_vbmd_low_mg_cm3, mean_vbmd_high_mg_cm3, pixel_spacing_row_mm),
    cohort.mean_vbmd_mg_cm3 AS mean_vbmd,
    cohort.mean_vbmd_low_mg_cm3 AS mean_vbmd_low,
    cohort.mean_vbmd_high_mg_cm3 AS mean_vbmd_high,
    cohort.pixel_spacing_row_mm AS pixel_spacing_mm,
    r.calibration_source, r.calibration_kvp, r.calibration_kind,
    r.calibration_slope_mg_cm3_per_hu, r.calibration_intercept_mg_cm3,
    r.corrections, r.mean_vbmd_method,
    (SELECT max(s.engine) FROM segmentations AS s WHERE s.series_key = $series_key AND s.result_id = cohort.result_id) AS engine,
    (SELECT max(s.anchor) FROM segmentations AS s WHERE s.series_key = $series_key AND s.result_id = cohort.result_id) AS anchor,
    (SELECT max(s.mask_file) FROM segmentations AS s WHERE s.series_key = $series_key AND s.result_id = cohort.result_id) AS mask_file,
    (SELECT max(s.stack_label) FROM series AS s WHERE s.series_key = $series_key) AS stack_label,
    (
        SELECT list(f.path ORDER BY f.path) FROM files AS f
        WHERE f.series_key = $series_key
        AND f.indexed_at = (SELECT max(g.indexed_at) FROM files AS g WHERE g.path = f.path)
    ) AS files
FROM cohort
LEFT JOIN results AS r ON r.series_key = $series_key AND r.result_id = cohort.result_id
WHERE cohort.series_key = $series_key;
