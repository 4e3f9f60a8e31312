-- The filtered cohort, one row a series, as it may leave the site. Without $with_keys patients, studies, series, scanners
-- and sites are numbered anew in an order drawn by $salt, and of the day of study the year alone is given.
WITH chosen AS (
    SELECT * FROM cohort WHERE /*cohort*/ TRUE
),
suggested AS (
    SELECT result_id, string_agg(level || ': ' || suggested_cause, '; ' ORDER BY level) AS suggested_causes
    FROM measurements
    WHERE fracture_grade >= 1 AND suggested_cause IS NOT NULL
    GROUP BY result_id
),
read AS (
    SELECT series_key, string_agg(level || ': ' || cause, '; ' ORDER BY level) AS reader_causes
    FROM current_cause_readings
    GROUP BY series_key
)
SELECT
    CASE WHEN $with_keys::BOOLEAN THEN patient_key ELSE 'P' || dense_rank() OVER (ORDER BY md5(patient_key || $salt)) END AS patient,
    CASE WHEN $with_keys::BOOLEAN THEN study_key ELSE 'S' || dense_rank() OVER (ORDER BY md5(study_key || $salt)) END AS study,
    CASE WHEN $with_keys::BOOLEAN THEN series_key ELSE 'R' || dense_rank() OVER (ORDER BY md5(series_key || $salt)) END AS series,
    CASE
        WHEN device_key IS NULL THEN NULL
        WHEN $with_keys::BOOLEAN THEN device_key
        ELSE 'D' || dense_rank() OVER (ORDER BY md5(device_key || $salt))
    END AS scanner,
    CASE
        WHEN site_key IS NULL THEN NULL
        WHEN $with_keys::BOOLEAN THEN site_key
        ELSE 'I' || dense_rank() OVER (ORDER BY md5(site_key || $salt))
    END AS site,
    is_simulated, is_preferred, vendor, manufacturer, manufacturer_model_name, kvp, convolution_kernel,
    slice_thickness_mm, slice_step_mm, pixel_spacing_row_mm, n_slices, patient_sex,
    CASE WHEN $with_keys::BOOLEAN THEN patient_age_years ELSE least(floor(patient_age_years), 90) END AS patient_age_years,
    CASE WHEN $with_keys::BOOLEAN THEN study_date::VARCHAR ELSE year(study_date)::VARCHAR END AS studied,
    status, category, mean_vbmd_mg_cm3, mean_vbmd_low_mg_cm3, mean_vbmd_high_mg_cm3, mean_hu,
    array_to_string(levels_used, ';') AS levels_used,
    worst_fracture_grade, suggested_causes, reader_causes, is_flagged, flag_reason, array_to_string(review_reasons, '; ') AS review_reasons,
    contrast_phase, calibration_name, calibration_mineral, first_exclusion_code, first_exclusion_step,
    first_exclusion_sentence, fat_mean_hu, muscle_mean_hu, follow_state, follow_because, model_hash, settings_hash
FROM chosen
LEFT JOIN suggested USING (result_id)
LEFT JOIN read USING (series_key)
ORDER BY patient, study, series;
