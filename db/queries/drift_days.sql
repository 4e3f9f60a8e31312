-- Each scanner day by day: vBMD less the mean of the cohort's own sex and five-year age group, fat and muscle HU less the
-- mean of the same tube voltage and contrast phase; n, mean and sum of squares about it. Groups below 5 have no mean.
-- The $limit scanners with the most patients.
WITH patient AS (
    SELECT
        coalesce(device_key, manufacturer_model_name, vendor) AS scanner,
        vendor, manufacturer_model_name, study_date AS day, patient_sex AS sex, floor(patient_age_years / 5) AS age_band,
        mean_vbmd_mg_cm3 AS vbmd, kvp, contrast_phase, fat_mean_hu AS fat, muscle_mean_hu AS muscle
    FROM cohort
    WHERE status = 'measured' AND mean_vbmd_mg_cm3 IS NOT NULL AND study_date IS NOT NULL AND /*cohort*/ TRUE
),
age_norm AS (
    SELECT sex, age_band, avg(vbmd) AS vbmd FROM patient WHERE age_band IS NOT NULL
    GROUP BY ALL HAVING count(*) >= 5
),
tissue_norm AS (
    SELECT kvp, contrast_phase, avg(fat) AS fat, avg(muscle) AS muscle FROM patient WHERE kvp IS NOT NULL
    GROUP BY ALL HAVING count(*) >= 5
),
adjusted AS (
    SELECT
        p.*, p.vbmd - a.vbmd AS vbmd_off, p.fat - t.fat AS fat_off, p.muscle - t.muscle AS muscle_off
    FROM patient AS p
    LEFT JOIN age_norm AS a ON a.sex = p.sex AND a.age_band = p.age_band
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
WHERE scanner IN (SELECT scanner FROM patient GROUP BY scanner ORDER BY count(*) DESC, scanner LIMIT $limit::BIGINT)
GROUP BY scanner, day
ORDER BY scanner, day;
