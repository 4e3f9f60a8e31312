-- The $limit scanners with the most patients who have a vBMD and a day of study, and the size of what is followed.
WITH found AS (
    SELECT
        device_number, max(vendor_number) AS vendor_number, max(scanner_number) AS scanner_number, count(*) AS n,
        avg(mean_vbmd_mg_cm3) AS vbmd_level, avg(fat_mean_hu) AS fat_level, avg(muscle_mean_hu) AS muscle_level
    FROM cohort
    WHERE marks & 1 = 1 AND mean_vbmd_mg_cm3 IS NOT NULL AND study_date IS NOT NULL AND /*cohort*/ TRUE
    GROUP BY device_number
    ORDER BY n DESC, device_number
    LIMIT $limit::BIGINT
)
SELECT
    f.device_number AS device, device.name AS scanner, vendor.name AS vendor, nullif(model.name, 'unknown') AS model,
    f.n, f.vbmd_level, f.fat_level, f.muscle_level
FROM found AS f
JOIN names AS device ON device.kind = 'device' AND device.number = f.device_number
JOIN names AS vendor ON vendor.kind = 'vendor' AND vendor.number = f.vendor_number
JOIN names AS model ON model.kind = 'scanner' AND model.number = f.scanner_number
ORDER BY f.n DESC, device;
