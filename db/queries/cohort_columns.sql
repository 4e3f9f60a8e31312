-- The columns by which pages filter and group, for a benchmark that asks other engines the same.
SELECT
    series_key, patient_number, pick, work_order, vendor, patient_sex, patient_age_years, status, category,
    mean_vbmd_mg_cm3, is_flagged, follow_state, site_key, first_exclusion_code
FROM cohort
ORDER BY series_key;
