-- The scanners $devices day by day: vBMD less the mean of the cohort's own sex and five-year age group, fat and muscle
-- HU less the mean of the same tube voltage and contrast phase; n, mean and sum of squares about it. Groups smaller
-- than the rule 'minimum group' have no mean.
WITH measured AS MATERIALIZED (
    SELECT
        device_number, study_date AS day, age_group, beam_number,
        mean_vbmd_mg_cm3 AS vbmd, fat_mean_hu AS fat, muscle_mean_hu AS muscle
    FROM cohort
    WHERE marks & 1 = 1 AND mean_vbmd_mg_cm3 IS NOT NULL AND study_date IS NOT NULL AND /*cohort*/ TRUE
),
age_norm AS (
    SELECT age_group, avg(vbmd) AS vbmd FROM measured WHERE age_group IS NOT NULL
    GROUP BY age_group HAVING count(*) >= (SELECT value FROM rules WHERE name = 'minimum group')
),
beam_norm AS (
    SELECT beam_number, avg(fat) AS fat, avg(muscle) AS muscle FROM measured WHERE beam_number IS NOT NULL
    GROUP BY beam_number HAVING count(*) >= (SELECT value FROM rules WHERE name = 'minimum group')
),
adjusted AS (
    SELECT
        m.device_number AS device, m.day,
        m.vbmd - a.vbmd AS vbmd_off, m.fat - b.fat AS fat_off, m.muscle - b.muscle AS muscle_off
    FROM measured AS m
    LEFT JOIN age_norm AS a ON a.age_group = m.age_group
    LEFT JOIN beam_norm AS b ON b.beam_number = m.beam_number
    WHERE list_contains($devices, m.device_number)
),
summed AS (
    SELECT
        device, day,
        count(vbmd_off) AS vbmd_n, sum(vbmd_off) AS vbmd_sum, sum(vbmd_off * vbmd_off) AS vbmd_of_squares,
        count(fat_off) AS fat_n, sum(fat_off) AS fat_sum, sum(fat_off * fat_off) AS fat_of_squares,
        count(muscle_off) AS muscle_n, sum(muscle_off) AS muscle_sum, sum(muscle_off * muscle_off) AS muscle_of_squares
    FROM adjusted
    GROUP BY ALL
)
SELECT
    device, day,
    vbmd_n, vbmd_sum / nullif(vbmd_n, 0) AS vbmd_mean,
    greatest(vbmd_of_squares - vbmd_sum * vbmd_sum / nullif(vbmd_n, 0), 0) AS vbmd_squares,
    fat_n, fat_sum / nullif(fat_n, 0) AS fat_mean,
    greatest(fat_of_squares - fat_sum * fat_sum / nullif(fat_n, 0), 0) AS fat_squares,
    muscle_n, muscle_sum / nullif(muscle_n, 0) AS muscle_mean,
    greatest(muscle_of_squares - muscle_sum * muscle_sum / nullif(muscle_n, 0), 0) AS muscle_squares
FROM summed
ORDER BY device, day;
