-- Patients by the week in which a flag of theirs was raised (its Monday, UTC): how many, whatever the number of series.
-- Who waits now stands once, in the week of the first flag that waits: before the clinic, else for a review.
WITH flagged AS (
    SELECT
        patient_number,
        date_trunc('week', flagged_at)::DATE AS week,
        coalesce(bool_or(s.is_in_working_days), false) AS is_to_review,
        coalesce(bool_or(s.is_before_clinic), false) AS is_before_clinic
    FROM cohort
    LEFT JOIN states AS s ON s.state = cohort.follow_state
    WHERE flagged_at IS NOT NULL AND /*cohort*/ TRUE
    GROUP BY patient_number, week
),
placed AS (
    SELECT
        week, is_to_review, is_before_clinic,
        row_number() OVER (
            PARTITION BY patient_number ORDER BY is_before_clinic DESC, is_to_review DESC, week
        ) = 1 AS is_first
    FROM flagged
)
SELECT
    week,
    count(*) AS n,
    count(*) FILTER (is_first AND is_to_review AND NOT is_before_clinic) AS n_to_review,
    count(*) FILTER (is_first AND is_before_clinic) AS n_before_clinic
FROM placed
GROUP BY week
ORDER BY week;
