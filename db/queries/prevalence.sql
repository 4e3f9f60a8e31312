-- Patients by group, five years of age (from 50, 85 and over together; null below 50 or not known) and category; $by is
-- 'all', 'sex', 'age_band', 'vendor', 'scanner', 'site' or 'period' (quarter).
-- One row a patient: the latest study with a category, else the latest of all; those without one are `missing`.
WITH patient AS (
    SELECT max(pick + ((/*group*/ 0::BIGINT << 6) + facts)) AS pick  -- the bits are described in db/refresh.sql
    FROM cohort
    WHERE /*cohort*/ TRUE
    GROUP BY patient_number
),
counted AS (
    SELECT pick & ((1::BIGINT << 28) - 1) AS face, count(*) AS n FROM patient GROUP BY face
),
grouped AS (
    SELECT
        face >> 6 AS number,
        CASE WHEN (face >> 2) & 15 > 0 THEN 45 + 5 * ((face >> 2) & 15) END::INTEGER AS age_from,
        coalesce(sum(n) FILTER (face & 3 > 0), 0)::BIGINT AS n,
        coalesce(sum(n) FILTER (face & 3 = 0), 0)::BIGINT AS missing,
        coalesce(sum(n) FILTER (face & 3 = 1), 0)::BIGINT AS osteoporosis,
        coalesce(sum(n) FILTER (face & 3 = 2), 0)::BIGINT AS low_bone_mass,
        coalesce(sum(n) FILTER (face & 3 = 3), 0)::BIGINT AS normal
    FROM counted
    GROUP BY ALL
)
SELECT coalesce(names.name, 'all') AS "group", grouped.* EXCLUDE (number)
FROM grouped
LEFT JOIN names ON names.kind = $by AND names.number = grouped.number
ORDER BY
    list_position(['under 50', '50-59', '60-69', '70-79', '80 and over'], "group") NULLS LAST, "group", age_from NULLS FIRST;
