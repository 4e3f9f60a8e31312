-- Patients by group: scanned, measured, flagged, and closed: flagged, and the follow-up of no flag is open; $by as in
-- `prevalence`. A patient stands in the group of the latest study. Failed and excluded patients stay in n.
WITH patient AS (
    SELECT
        max((pick & ((1::BIGINT << 62) - 1)) + (/*group*/ 0::BIGINT << 6)) AS pick,  -- the bits are described in db/refresh.sql
        bit_or(marks) AS marks
    FROM cohort
    WHERE /*cohort*/ TRUE
    GROUP BY patient_number
),
grouped AS (
    SELECT
        (pick & ((1::BIGINT << 28) - 1)) >> 6 AS number,
        count(*) AS n,
        count(*) FILTER (marks & 1 = 1) AS n_measured,
        count(*) FILTER (marks & 3 = 3) AS n_measured_flagged,
        count(*) FILTER (marks & 2 = 2) AS n_flagged,
        count(*) FILTER (marks & 6 = 2) AS n_closed
    FROM patient
    GROUP BY number
)
SELECT coalesce(names.name, 'all') AS "group", grouped.* EXCLUDE (number)
FROM grouped
LEFT JOIN names ON names.kind = $by AND names.number = grouped.number
LEFT JOIN age_bands ON age_bands.name = names.name AND age_bands.from_years IS NOT NULL
ORDER BY age_bands.position NULLS LAST, "group";
