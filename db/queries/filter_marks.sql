-- How many series of the filter have each category ('category') and each state of the follow-up ('state').
SELECT 'category' AS field, category AS "value", count(*) AS n
FROM cohort WHERE category IS NOT NULL AND /*cohort*/ TRUE GROUP BY category
UNION ALL
SELECT 'state', follow_state, count(*)
FROM cohort WHERE follow_state IS NOT NULL AND /*cohort*/ TRUE GROUP BY follow_state
ORDER BY field, n DESC, "value";
