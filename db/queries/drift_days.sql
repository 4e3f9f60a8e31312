-- Each scanner day by day: vBMD less the mean of the cohort's own sex and five-year age group, fat and muscle HU less the
-- mean of the same tube voltage and contrast phase; n, mean and sum of squares about it. Groups below 5 have no mean.
-- The $limit scanners with the most patients.
WITH patient AS (
    SELECT
        coalesce(device_key, manufacturer_model_name, vendor) AS scanner,
        vendor, manufacturer_model_name, study_date AS day,
        -- sex and five-year age group in one number, by the bits of pick (db/refresh.sql); age 127 is unknown
        4 * (((pick >> 24) & 127) // 5) + ((pick >> 31) & 3) AS age_group,
        (pick >> 24) & 127 < 127 AS has_age,
        mean_vbmd_mg_cm3 AS vbmd, kvp, contrast_phase, fat_mean_hu AS fat, muscle_mean_hu AS muscle
    FROM cohort
    WHERE status = 'measured' AND mean_vbmd_mg_cm3 IS NOT NULL AND study_date IS NOT NULL AND /*cohort*/ TRUE
),
age_norm AS (
    SELECT age_group, avg(vbmd) AS vbmd FROM patient WHERE has_age
    GROUP BY age_group HAVING count(*) >= 5
),
tissue_norm AS (
    SELECT kvp, contrast_phase, avg(fat) AS fat, avg(muscle) AS muscle FROM patient WHERE kvp IS NOT NULL
    GROUP BY ALL HAVING count(*) >= 5
),
shown AS (
    SELECT scanner FROM patient GROUP BY scanner ORDER BY count(*) DESC, scanner LIMIT $limit::BIGINT
),
adjusted AS (
    SELECT
        p.scanner, p.vendor, p.manufacturer_model_name, p.day, p.vbmd, p.fat, p.muscle,
        p.vbmd - a.vbmd AS vbmd_off, p.fat - t.fat AS fat_off, p.muscle - t.muscle AS muscle_off
    FROM patient AS p
    JOIN shown ON shown.scanner = p.scanner
    LEFT JOIN age_norm AS a ON a.age_group = p.age_group AND p.has_age
    LEFT JOIN tissue_norm AS t ON t.kvp = p.kvp AND t.contrast_phase = p.contrast_phase
)
SELECT
    scanner, max(vendor) AS vendor, max(manufacturer_model_name) AS model, day,
    count(vbmd_off) AS vbmd_n, avg(vbmd_off) AS vbmd_mean, coalesce(var_pop(vbmd_off) * count(vbmd_off), 0) AS vbmd_squares,
    count(fat_off) AS fat_n, avg(fat_off) AS fat_mean, coalesce(var_pop(fat_off) * count(fat_off), 0) AS fat_squares,
    count(muscle_off) AS muscle_n, avg(muscle_off) AS muscle_mean,
    coalesce(var_pop(muscle_off) * count(muscle_off), 0) AS muscle_squares,
    avg(vbmd) AS vbmd_level, avg(fat) AS fat_level, avg(muscle) AS muscle_level
FROM adjusted
GROUP BY scanner, day
ORDER BY scanner, day;
