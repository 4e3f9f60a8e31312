-- Flagged series by the state of their follow-up, and how many of them are overdue at $now.
SELECT follow_state AS state, count(*) AS n, count(*) FILTER (due_at < $now::TIMESTAMPTZ) AS n_overdue
FROM cohort
WHERE follow_state IS NOT NULL AND /*cohort*/ TRUE
GROUP BY follow_state
ORDER BY follow_state;
