-- The other series of the patient of $series_key, the preferred ones first.
SELECT series_key, status, category, mean_vbmd_mg_cm3 AS mean_vbmd, first_exclusion_sentence, vendor,
    slice_thickness_mm, convolution_kernel, study_date, coalesce(is_read, false) AS is_read
FROM cohort
WHERE series_key <> $series_key AND patient_key = (SELECT patient_key FROM cohort WHERE series_key = $series_key)
ORDER BY is_preferred DESC, study_date DESC NULLS LAST, series_key
LIMIT 20;
