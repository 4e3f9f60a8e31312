-- What a filter can be set to in this store beside the closed vocabularies: (field, value, n), the commonest first.
SELECT 'scanner' AS field, manufacturer_model_name AS value, count(*) AS n
FROM cohort WHERE manufacturer_model_name IS NOT NULL GROUP BY ALL
UNION ALL
SELECT 'site', site_key, count(*) FROM cohort WHERE site_key IS NOT NULL GROUP BY ALL
ORDER BY field, n DESC, value;
