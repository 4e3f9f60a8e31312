-- Everything that has one row for the series $series_key. `files` are local paths.
SELECT
    cohort.*,
    r.calibration_source, r.calibration_kvp, r.calibration_kind,
    r.calibration_slope_mg_cm3_per_hu, r.calibration_intercept_mg_cm3,
    r.corrections, r.mean_vbmd_method, r.has_rods,
    (SELECT max(s.engine) FROM segmentations AS s WHERE s.series_key = $series_key AND s.result_id = cohort.result_id) AS engine,
    (SELECT max(s.anchor) FROM segmentations AS s WHERE s.series_key = $series_key AND s.result_id = cohort.result_id) AS anchor,
    (SELECT max(s.mask_file) FROM segmentations AS s WHERE s.series_key = $series_key AND s.result_id = cohort.result_id) AS mask_file,
    (SELECT max(s.stack_label) FROM series AS s WHERE s.series_key = $series_key) AS stack_label,
    (
        SELECT list(f.path ORDER BY f.path) FROM files AS f
        WHERE f.series_key = $series_key
        AND f.indexed_at = (SELECT max(g.indexed_at) FROM files AS g WHERE g.path = f.path)
    ) AS files,
    (
        SELECT list([f.size_bytes, f.mtime_ns] ORDER BY f.path) FROM files AS f
        WHERE f.series_key = $series_key
        AND f.indexed_at = (SELECT max(g.indexed_at) FROM files AS g WHERE g.path = f.path)
    ) AS file_stamps
FROM cohort
LEFT JOIN results AS r ON r.series_key = $series_key AND r.result_id = cohort.result_id
WHERE cohort.series_key = $series_key;
