-- Levels of the current result of $series_key, from head to foot, each with the latest reading of its cause.
SELECT
    m.level, m.voxels, m.volume_ml, m.roi_voxels, m.roi_volume_ml, m.mean_hu, m.median_hu, m.sd_hu,
    m.vbmd_mg_cm3 AS vbmd,
    m.vbmd_low_mg_cm3 AS vbmd_low,
    m.vbmd_high_mg_cm3 AS vbmd_high,
    m.regressed_mg_cm3 AS regressed,
    m.regressed_low_mg_cm3 AS regressed_low,
    m.regressed_high_mg_cm3 AS regressed_high,
    m.anterior_height_mm, m.middle_height_mm, m.posterior_height_mm, m.fracture_grade,
    m.endplate_depression, m.suggested_cause,
    c.cause AS reader_cause,
    c.author AS reader,
    c."at" AS read_at,
    m.confidence, m.exclusion_code, m.exclusion_sentence
FROM measurements AS m
JOIN cohort ON cohort.result_id = m.result_id
LEFT JOIN current_cause_readings AS c ON c.series_key = m.series_key AND c.level = m.level
WHERE m.series_key = $series_key AND cohort.series_key = $series_key
ORDER BY m.level;
