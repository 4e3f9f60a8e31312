-- The same series under two versions, one a patient: the latest study that both measured. QCT in the first one's
-- mineral. Without the signed reads of the series $hidden.
WITH found AS (
    SELECT
        cohort.series_key, cohort.patient_key, cohort.patient_number AS patient, cohort.vendor,
        one.category AS first_category, two.category AS second_category,
        one.mean_vbmd_mg_cm3 AS first_vbmd, two.mean_vbmd_mg_cm3 AS second_vbmd,
        one.calibration_mineral AS first_mineral, two.calibration_mineral AS second_mineral
    FROM cohort
    JOIN results_of($first_model, $first_settings, $first_measuring, $first_calibration, $first_origin, $hidden::VARCHAR[]) AS one
        ON one.series_key = cohort.series_key AND one.status = 'measured'
    JOIN results_of($second_model, $second_settings, $second_measuring, $second_calibration, $second_origin, $hidden::VARCHAR[]) AS two
        ON two.series_key = cohort.series_key AND two.status = 'measured'
    WHERE cohort.result_id IS NOT NULL AND /*cohort*/ TRUE
    QUALIFY row_number() OVER (
        PARTITION BY cohort.patient_number
        ORDER BY cohort.study_date DESC NULLS LAST, cohort.is_preferred DESC, cohort.series_key
    ) = 1
)
SELECT f.*, q.vbmd_mg_cm3 AS reference_vbmd
FROM found AS f
LEFT JOIN valid_reference_values AS q
    ON q.patient_key = f.patient_key AND q.level IS NULL AND q.mineral = f.first_mineral
QUALIFY row_number() OVER (PARTITION BY f.series_key ORDER BY q.imported_at DESC NULLS LAST, q.source) = 1
ORDER BY f.series_key;
