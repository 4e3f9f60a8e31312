-- What the worklist shows of the series $series_keys; a key that the store does not hold has no row.
SELECT
    series_key, patient_key, is_flagged, flag_reason,
    review_reasons,
    category,
    mean_vbmd_mg_cm3, mean_vbmd_low_mg_cm3, mean_vbmd_high_mg_cm3,
    levels_used, worst_fracture_grade, contrast_phase,
    patient_age_years, patient_sex, vendor, manufacturer_model_name, study_date,
    first_exclusion_sentence, status, is_simulated, finished_at, model_hash, settings_hash,
    follow_state, follow_since, follow_because, flagged_at, due_at,
    coalesce(is_read, false) AS is_read, assignee, snooze_until, last_contact_at, last_contact
FROM cohort
LEFT JOIN follow_up_plans USING (series_key)
WHERE series_key IN (SELECT unnest($series_keys::VARCHAR[]))
ORDER BY series_key;
