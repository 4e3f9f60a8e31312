-- The cohort in numbers of series and patients. Failed and excluded series stay in n_series.
SELECT
    count(*) AS n_series,
    count(DISTINCT patient_number) AS n_patients,
    count(*) FILTER (status = 'measured') AS n_measured,
    count(*) FILTER (has_category) AS n_categorised,
    count(*) FILTER (status = 'excluded') AS n_excluded,
    count(*) FILTER (status = 'failed') AS n_failed,
    count(*) FILTER (status = 'waiting') AS n_waiting,
    count(*) FILTER (is_flagged) AS n_flagged,
    count(*) FILTER (len(review_reasons) > 0) AS n_review,
    count(*) FILTER (follow_state = 'to review') AS n_to_review,
    count(*) FILTER (due_at < now()) AS n_overdue,
    count(*) FILTER (is_simulated) AS n_simulated,
    count(*) FILTER (is_read) AS n_read
FROM cohort
WHERE /*cohort*/ TRUE;
