-- Series whose muscle lies farther from fat than $spread SD from the others of their scanner, tube voltage and contrast
-- phase, where these are $least or more; what a reader signed and what has the caution $code is left out. n, mean and
-- SD are those of the others.
WITH shown AS (
    SELECT
        series_key, source_id, is_read, muscle_mean_hu - fat_mean_hu AS apart_hu,
        count(*) OVER scanner - 1 AS n,
        avg(muscle_mean_hu - fat_mean_hu) OVER scanner AS mean_hu,
        var_pop(muscle_mean_hu - fat_mean_hu) OVER scanner AS variance
    FROM cohort
    WHERE marks & 1 = 1 AND beam_number IS NOT NULL AND muscle_mean_hu IS NOT NULL AND fat_mean_hu IS NOT NULL
    WINDOW scanner AS (PARTITION BY device_number, beam_number)
),
others AS (
    SELECT
        series_key, source_id, is_read, apart_hu, n, mean_hu - (apart_hu - mean_hu) / n AS mean_hu,
        sqrt(greatest((n + 1) * (variance - (apart_hu - mean_hu) ** 2 / n) / (n - 1), 0)) AS sd_hu
    FROM shown
    WHERE n > 1 AND n >= $least
)
SELECT series_key, apart_hu, n, mean_hu, sd_hu
FROM others
WHERE abs(apart_hu - mean_hu) > $spread * sd_hu
AND NOT coalesce(is_read, false)
AND NOT EXISTS (SELECT 1 FROM cautions AS c WHERE c.source_id = others.source_id AND c.code = $code)
ORDER BY series_key;
