-- How many series the worklist holds.
SELECT count(*) AS n
FROM cohort
WHERE work_order IS NOT NULL AND /*cohort*/ TRUE;
