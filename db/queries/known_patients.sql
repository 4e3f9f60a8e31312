-- How many of the patients in $patient_keys have a series here, and how many of them a measured one.
SELECT
    count(DISTINCT patient_key) AS n,
    count(DISTINCT patient_key) FILTER (status = 'measured') AS n_measured
FROM cohort
WHERE list_contains($patient_keys::VARCHAR[], patient_key);
