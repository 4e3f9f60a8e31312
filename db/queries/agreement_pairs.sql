-- What this CT and QCT say of the same patient's mean, or with $by_level of the same level; in the same mineral only.
-- `level` is 0 for the mean. One CT a patient: the latest study that can be compared; the QCT value imported last
-- counts.
WITH compared AS (
    SELECT DISTINCT series_key FROM pairs WHERE (level IS NOT NULL) = $by_level::BOOLEAN
),
chosen AS (
    SELECT series_key, patient_key, patient_number, vendor
    FROM cohort
    WHERE has_reference AND status = 'measured' AND mean_vbmd_mg_cm3 IS NOT NULL
        AND series_key IN (FROM compared) AND /*cohort*/ TRUE
    QUALIFY row_number() OVER (
        PARTITION BY patient_number ORDER BY study_date DESC NULLS LAST, is_preferred DESC, series_key
    ) = 1
)
SELECT
    c.series_key, c.patient_key, c.patient_number AS patient, c.vendor, coalesce(p.level, 0)::UTINYINT AS level, p.vbmd,
    p.reference_vbmd, p.mineral, p.source
FROM chosen AS c
JOIN pairs AS p ON p.series_key = c.series_key AND (p.level IS NOT NULL) = $by_level::BOOLEAN
ORDER BY c.series_key, level;
