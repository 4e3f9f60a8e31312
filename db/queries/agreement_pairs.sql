-- What this CT and QCT say of the same patient's mean, or with $by_level of the same level; in the same mineral only.
-- One CT a patient: the latest study; the QCT value imported last counts.
WITH reference AS (
    SELECT patient_key, level, vbmd_mg_cm3, mineral, source
    FROM reference_values
    QUALIFY row_number() OVER (PARTITION BY patient_key, level, mineral ORDER BY imported_at DESC, source) = 1
),
patient AS (
    SELECT *
    FROM cohort
    WHERE status = 'measured' AND mean_vbmd_mg_cm3 IS NOT NULL AND /*cohort*/ TRUE
        AND patient_key IN (SELECT patient_key FROM reference)
    QUALIFY row_number() OVER (PARTITION BY patient_key ORDER BY study_date DESC NULLS LAST, is_preferred DESC, series_key) = 1
),
found AS (
    SELECT series_key, patient_key, vendor, calibration_mineral, NULL::UTINYINT AS level, mean_vbmd_mg_cm3 AS vbmd
    FROM patient
    WHERE NOT $by_level::BOOLEAN
    UNION ALL
    SELECT p.series_key, p.patient_key, p.vendor, p.calibration_mineral, m.level, m.vbmd_mg_cm3
    FROM patient AS p
    JOIN measurements AS m ON m.result_id = p.result_id
    WHERE $by_level::BOOLEAN AND m.vbmd_mg_cm3 IS NOT NULL AND m.exclusion_code IS NULL
)
SELECT f.series_key, f.patient_key, f.vendor, f.level, f.vbmd, r.vbmd_mg_cm3 AS reference_vbmd, r.mineral, r.source
FROM found AS f
JOIN reference AS r
    ON r.patient_key = f.patient_key AND r.level IS NOT DISTINCT FROM f.level AND r.mineral = f.calibration_mineral
ORDER BY f.series_key, f.level;
