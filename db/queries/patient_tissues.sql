-- Calibration tissues of the current result of $series_key.
SELECT t.name, t.mean_hu, t.sd_hu, t.area_mm2
FROM tissues AS t
JOIN cohort ON cohort.result_id = t.result_id
WHERE t.series_key = $series_key AND cohort.series_key = $series_key
ORDER BY t.name;
