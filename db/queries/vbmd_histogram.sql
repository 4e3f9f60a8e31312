-- Measured series by mean vBMD in bins of $width mg/cm3, and by category.
SELECT category, floor(mean_vbmd_mg_cm3 / $width::DOUBLE) * $width::DOUBLE AS bin_low, count(*) AS n
FROM cohort
WHERE mean_vbmd_mg_cm3 IS NOT NULL AND status = 'measured' AND /*cohort*/ TRUE
GROUP BY ALL
ORDER BY bin_low, category;
