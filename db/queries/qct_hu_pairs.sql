-- Mean HU of a CT and what QCT says of the same levels: what a line of the site's own is fitted to. Of each patient and
-- mineral the latest CT that makes a pair: native, of a known tube voltage, with a level that QCT knows. A QCT value of
-- the patient's mean stands for the levels that were used.
WITH levels AS (
    SELECT
        c.series_key, c.patient_key, c.study_date, c.is_preferred, c.vendor, c.manufacturer_model_name, c.kvp, m.level,
        m.median_hu, list_contains(c.levels_used, m.level) AS is_used
    FROM (
        SELECT * FROM cohort
        WHERE has_reference AND status = 'measured' AND contrast_phase = 'native' AND kvp IS NOT NULL AND /*cohort*/ TRUE
    ) AS c
    JOIN measurements AS m ON m.result_id = c.result_id
    WHERE m.exclusion_code IS NULL AND m.median_hu IS NOT NULL
),
means AS (
    SELECT
        l.* EXCLUDE (level, median_hu, is_used), q.mineral, avg(l.median_hu) AS hu, avg(q.vbmd_mg_cm3) AS qct_mg_cm3
    FROM levels AS l
    JOIN current_reference_values AS q
        ON q.patient_key = l.patient_key AND (q.level = l.level OR q.level IS NULL AND l.is_used)
    GROUP BY ALL
)
SELECT
    p.patient_key, p.hu, p.qct_mg_cm3, p.mineral, p.study_date, p.vendor, p.manufacturer_model_name, p.kvp, s.kernel_group
FROM means AS p
JOIN current_series AS s ON s.series_key = p.series_key
QUALIFY row_number() OVER (
    PARTITION BY p.patient_key, p.mineral ORDER BY p.study_date DESC NULLS LAST, p.is_preferred DESC, p.series_key
) = 1
ORDER BY p.patient_key, p.mineral;
