-- Flags by the week in which they were raised (its Monday, UTC): how many, and how many of them are still open.
SELECT
    date_trunc('week', flagged_at)::DATE AS week,
    count(*) AS n,
    count(*) FILTER (follow_state = 'to review') AS n_to_review,
    count(*) FILTER (follow_state IN ('confirmed', 'reported', 'referred')) AS n_before_clinic
FROM cohort
WHERE flagged_at IS NOT NULL AND /*cohort*/ TRUE
GROUP BY week
ORDER BY week;
