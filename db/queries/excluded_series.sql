-- The series without a category whose first reason is $code.
SELECT series_key, patient_key, status, first_exclusion_sentence AS sentence, vendor, patient_age_years, patient_sex, study_date
FROM cohort
WHERE (status IN ('excluded', 'failed') OR status = 'measured' AND category = 'not reportable') AND coalesce(first_exclusion_code, 'reason not stated') = $code AND /*cohort*/ TRUE
ORDER BY study_date DESC NULLS LAST, series_key;
