-- Flags by the week in which they were raised (its Monday, UTC): how many, and how many of them are still open.
SELECT
    date_trunc('week', flagged_at)::DATE AS week,
    count(*) AS n,
    count(*) FILTER (s.is_in_working_days) AS n_to_review,
    count(*) FILTER (s.is_before_clinic) AS n_before_clinic
FROM cohort
LEFT JOIN states AS s ON s.state = cohort.follow_state
WHERE flagged_at IS NOT NULL AND /*cohort*/ TRUE
GROUP BY week
ORDER BY week;
