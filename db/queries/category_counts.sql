-- Measured series by category.
SELECT category, count(*) AS n
FROM cohort
WHERE status = 'measured' AND category IS NOT NULL AND /*cohort*/ TRUE
GROUP BY category
ORDER BY category;
