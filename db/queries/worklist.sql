-- Who should be looked at: open flags first, then by vBMD, series without one last. $offset rows are skipped, $limit given.
-- A series without any sound level is listed too when it is flagged or has a review reason.
SELECT
    series_key, patient_key, is_flagged, flag_reason,
    review_reasons,
    category,
    mean_vbmd_mg_cm3 AS mean_vbmd,
    mean_vbmd_low_mg_cm3 AS mean_vbmd_low,
    mean_vbmd_high_mg_cm3 AS mean_vbmd_high,
    worst_fracture_grade, patient_age_years, patient_sex, vendor, manufacturer_model_name, study_date,
    first_exclusion_sentence, status, is_simulated, finished_at, model_hash, settings_hash,
    follow_state, follow_since, follow_because, flagged_at, due_at
FROM cohort
WHERE work_order IN (  -- the page by one number first: the other columns are read for its rows alone
    SELECT work_order
    FROM cohort
    WHERE work_order IS NOT NULL AND /*cohort*/ TRUE
    ORDER BY work_order
    LIMIT $limit::BIGINT OFFSET $offset::BIGINT
)
ORDER BY work_order
LIMIT $limit::BIGINT;
