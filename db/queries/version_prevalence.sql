-- As `prevalence`, by the results of one version ($model, $settings, $measuring, $calibration, $origin; '' for any),
-- without the signed reads of the series $hidden.
WITH patient AS (
    SELECT
        /*group*/ 0 AS number, cohort.facts, k.face AS face, k.category
    FROM cohort
    LEFT JOIN results_of($model, $settings, $measuring, $calibration, $origin, $hidden::VARCHAR[]) AS r
        ON r.series_key = cohort.series_key AND cohort.result_id IS NOT NULL
    LEFT JOIN categories AS k ON r.status = 'measured' AND k.category = r.category AND k.face > 0
    WHERE /*cohort*/ TRUE
    QUALIFY row_number() OVER (
        PARTITION BY cohort.patient_number
        ORDER BY k.face IS NOT NULL DESC, cohort.study_date DESC NULLS LAST, cohort.is_preferred DESC, cohort.series_key
    ) = 1
),
grouped AS (
    SELECT
        p.number,
        y.from_years AS age_from,
        count(*) FILTER (p.face IS NOT NULL) AS n,
        count(*) FILTER (p.face IS NULL) AS missing,
        count(*) FILTER (p.category = 'osteoporosis') AS osteoporosis,
        count(*) FILTER (p.category = 'low bone mass') AS low_bone_mass,
        count(*) FILTER (p.category = 'normal') AS normal
    FROM patient AS p
    LEFT JOIN five_years AS y ON y.code = (p.facts >> 2) & 15
    GROUP BY ALL
)
SELECT coalesce(names.name, 'all') AS "group", grouped.* EXCLUDE (number)
FROM grouped
LEFT JOIN names ON names.kind = $by AND names.number = grouped.number
LEFT JOIN age_bands ON age_bands.name = names.name AND age_bands.from_years IS NOT NULL
ORDER BY age_bands.position NULLS LAST, "group", age_from NULLS FIRST;
