-- The numbers of the patients of the filtered cohort.
SELECT DISTINCT patient_number AS patient
FROM cohort
WHERE /*cohort*/ TRUE
ORDER BY patient;
