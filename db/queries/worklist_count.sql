-- How many series the worklist holds.
SELECT count(*) AS n
FROM cohort
WHERE (status = 'measured' OR is_flagged OR len(review_reasons) > 0) AND /*cohort*/ TRUE;
