-- Two imports of QCT values ($first, $second: their moments), value by value: of the same patient, level and mineral.
WITH one AS (
    SELECT patient_key, level, mineral, vbmd_mg_cm3, source FROM reference_values WHERE imported_at = $first
    QUALIFY row_number() OVER (PARTITION BY patient_key, level, mineral ORDER BY source) = 1
),
two AS (
    SELECT patient_key, level, mineral, vbmd_mg_cm3, source FROM reference_values WHERE imported_at = $second
    QUALIFY row_number() OVER (PARTITION BY patient_key, level, mineral ORDER BY source) = 1
)
SELECT
    coalesce(one.patient_key, two.patient_key) AS patient_key,
    coalesce(one.level, two.level, 0)::UTINYINT AS level,
    coalesce(one.mineral, two.mineral) AS mineral,
    one.vbmd_mg_cm3 AS first_vbmd_mg_cm3,
    two.vbmd_mg_cm3 AS second_vbmd_mg_cm3,
    one.source AS first_source,
    two.source AS second_source
FROM one
FULL JOIN two
    ON two.patient_key = one.patient_key AND two.level IS NOT DISTINCT FROM one.level AND two.mineral = one.mineral
ORDER BY patient_key, level, mineral;
