-- What a filter can be set to in this store: (field, value, n).
SELECT 'vendor' AS field, vendor AS value, count(*) AS n FROM cohort GROUP BY vendor
UNION ALL
SELECT 'sex', patient_sex, count(*) FROM cohort GROUP BY patient_sex
UNION ALL
SELECT 'category', category, count(*) FROM cohort WHERE category IS NOT NULL GROUP BY category
ORDER BY field, n DESC, value;
