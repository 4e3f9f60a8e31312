-- Measured series of one scanner model, tube voltage and kernel group with their present category: the latest $limit.
SELECT series_key, category, count(*) OVER () AS n
FROM cohort
WHERE status = 'measured' AND vendor = $vendor AND manufacturer_model_name IS NOT DISTINCT FROM $manufacturer_model_name
AND abs(kvp - $kvp) < 0.5
AND series_key IN (SELECT series_key FROM series WHERE kernel_group = $kernel_group)
ORDER BY study_date DESC NULLS LAST, series_key
LIMIT $limit::BIGINT;
