-- Mean HU of a CT and what QCT says of the same levels, one native CT a patient: what a line of the site's own is fitted
-- to. A QCT value of the patient's mean stands for the levels that were used.
WITH chosen AS (
    SELECT series_key, patient_key
    FROM cohort
    WHERE has_reference AND status = 'measured' AND /*cohort*/ TRUE
    QUALIFY row_number() OVER (
        PARTITION BY patient_number ORDER BY study_date DESC NULLS LAST, is_preferred DESC, series_key
    ) = 1
),
levels AS (
    SELECT c.patient_key, c.series_key, m.level, m.median_hu, list_contains(r.levels_used, m.level) AS is_used
    FROM chosen AS c
    JOIN current_results AS r ON r.series_key = c.series_key AND r.contrast_phase = 'native'
    JOIN measurements AS m ON m.result_id = r.result_id
    WHERE m.exclusion_code IS NULL AND m.median_hu IS NOT NULL
),
means AS (
    SELECT l.series_key, l.patient_key, q.mineral, avg(l.median_hu) AS hu, avg(q.vbmd_mg_cm3) AS qct_mg_cm3
    FROM levels AS l
    JOIN current_reference_values AS q
        ON q.patient_key = l.patient_key AND (q.level = l.level OR q.level IS NULL AND l.is_used)
    GROUP BY ALL
)
SELECT
    p.patient_key, p.hu, p.qct_mg_cm3, p.mineral, s.study_date, s.vendor, s.manufacturer_model_name, s.kvp, s.kernel_group
FROM means AS p
JOIN current_series AS s ON s.series_key = p.series_key
WHERE s.kvp IS NOT NULL
ORDER BY p.patient_key;
