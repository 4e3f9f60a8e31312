-- Measured series of one scanner model, tube voltage and kernel group with their present category: the latest $limit.
-- The same series as a line of this scanner covers, whatever the case of the model's letters; unknown is a group.
SELECT series_key, category, count(*) OVER () AS n
FROM cohort
WHERE status = 'measured' AND vendor = $vendor AND lower(trim(manufacturer_model_name)) = lower($manufacturer_model_name)
AND abs(kvp - $kvp) <= 0.5
AND series_key IN (SELECT series_key FROM current_series WHERE kernel_group = $kernel_group)
ORDER BY study_date DESC NULLS LAST, series_key
LIMIT $limit::BIGINT;
