-- Patients by group, five years of age (table five_years; null where younger or not known) and category; $by is
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
        c.face >> 6 AS number,
        y.from_years AS age_from,
        coalesce(sum(n) FILTER (k.face IS NOT NULL), 0)::BIGINT AS n,
        coalesce(sum(n) FILTER (k.face IS NULL), 0)::BIGINT AS missing,
        coalesce(sum(n) FILTER (k.category = 'osteoporosis'), 0)::BIGINT AS osteoporosis,
        coalesce(sum(n) FILTER (k.category = 'low bone mass'), 0)::BIGINT AS low_bone_mass,
        coalesce(sum(n) FILTER (k.category = 'normal'), 0)::BIGINT AS normal
    FROM counted AS c
    LEFT JOIN five_years AS y ON y.code = (c.face >> 2) & 15
    LEFT JOIN categories AS k ON k.face = c.face & 3
    GROUP BY ALL
)
SELECT coalesce(names.name, 'all') AS "group", grouped.* EXCLUDE (number)
FROM grouped
LEFT JOIN names ON names.kind = $by AND names.number = grouped.number
LEFT JOIN age_bands ON age_bands.name = names.name AND age_bands.from_years IS NOT NULL
ORDER BY age_bands.position NULLS LAST, "group", age_from NULLS FIRST;
