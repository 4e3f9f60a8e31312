-- Measured series by category: how many there are, how many are flagged, and how many belong to a patient with a QCT
-- value.
SELECT
    category,
    count(*) AS n,
    count(*) FILTER (is_flagged) AS n_flagged,
    count(*) FILTER (patient_key IN (SELECT patient_key FROM valid_reference_values)) AS n_with_qct
FROM cohort
WHERE has_category AND /*cohort*/ TRUE
GROUP BY category
ORDER BY category;
