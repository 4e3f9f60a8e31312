-- Series without a category by their first reason, and (is_level) single levels left out within measured series.
SELECT
    CASE WHEN status = 'failed' THEN 'run' ELSE coalesce(first_exclusion_step, 'assess') END AS step,
    coalesce(first_exclusion_code, 'reason not stated') AS code,
    false AS is_level,
    count(*) AS n
FROM cohort
WHERE status <> 'waiting' AND NOT has_category AND /*cohort*/ TRUE
GROUP BY ALL
UNION ALL
SELECT e.step, e.code, true AS is_level, count(*) AS n
FROM (  -- a level counts once, by its weightiest reason, which is stored first
    SELECT source_id, step, code FROM exclusions WHERE level IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY source_id, level ORDER BY position) = 1
) AS e
JOIN cohort ON cohort.source_id = e.source_id
WHERE cohort.status = 'measured' AND /*cohort*/ TRUE
GROUP BY ALL
ORDER BY is_level, n DESC, step, code;
