-- As `agreement_pairs`, by the results of one version ($model, $settings, $measuring, $calibration, $origin; '' for
-- any).
WITH candidate AS (
    SELECT
        r.result_id, r.mean_vbmd_mg_cm3, r.calibration_mineral AS mineral, cohort.series_key, cohort.patient_key,
        cohort.patient_number, cohort.vendor, cohort.study_date, cohort.is_preferred
    FROM cohort
    JOIN results_of($model, $settings, $measuring, $calibration, $origin, []::VARCHAR[]) AS r ON r.series_key = cohort.series_key
    WHERE cohort.has_reference AND cohort.result_id IS NOT NULL AND r.status = 'measured'
        AND r.mean_vbmd_mg_cm3 IS NOT NULL AND /*cohort*/ TRUE
),
found AS (
    SELECT *, NULL::UTINYINT AS level, mean_vbmd_mg_cm3 AS vbmd
    FROM candidate
    WHERE NOT $by_level::BOOLEAN
    UNION ALL
    SELECT c.*, m.level, m.vbmd_mg_cm3 AS vbmd
    FROM candidate AS c
    JOIN measurements AS m ON m.result_id = c.result_id
    WHERE $by_level::BOOLEAN AND m.vbmd_mg_cm3 IS NOT NULL AND m.exclusion_code IS NULL
)
SELECT
    f.series_key, f.patient_key, f.patient_number AS patient, f.vendor, coalesce(f.level, 0)::UTINYINT AS level, f.vbmd,
    q.vbmd_mg_cm3 AS reference_vbmd, q.mineral, q.source
FROM found AS f
JOIN current_reference_values AS q
    ON q.patient_key = f.patient_key AND q.level IS NOT DISTINCT FROM f.level AND q.mineral = f.mineral
QUALIFY dense_rank() OVER (
    PARTITION BY f.patient_number ORDER BY f.study_date DESC NULLS LAST, f.is_preferred DESC, f.series_key
) = 1
ORDER BY f.series_key, level;
