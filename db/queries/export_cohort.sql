-- The filtered cohort, one row a series, as it may leave the site. Without $with_keys patients, studies, series, scanners
-- and sites are numbered anew in an order drawn by $salt, and of the day of study the year alone is given.
WITH chosen AS (
    SELECT * FROM cohort WHERE /*cohort*/ TRUE
),
suggested AS (
    SELECT result_id, string_agg(level || ': ' || suggested_cause, '; ' ORDER BY level) AS suggested_causes
    FROM measurements
    WHERE fracture_grade >= 1 AND suggested_cause IS NOT NULL
    GROUP BY result_id
),
read AS (
    SELECT series_key, string_agg(level || ': ' || cause, '; ' ORDER BY level) AS reader_causes
    FROM current_cause_readings
    GROUP BY series_key
)
SELECT
    CASE WHEN $with_keys::BOOLEAN THEN patient_key ELSE 'P' || dense_rank() OVER (ORDER BY md5(patient_key || $salt)) END AS patient,
    CASE WHEN $with_keys::BOOLEAN THEN study_key ELSE 'S' || dense_rank() OVER (ORDER BY md5(study_key || $salt)) END AS study,
    CASE WHEN $with_keys::BOOLEAN THEN chosen.series_key ELSE 'R' || dense_rank() OVER (ORDER BY md5(chosen.series_key || $salt)) END AS series,
    CASE
        WHEN device_key IS NULL THEN NULL
        WHEN $with_keys::BOOLEAN THEN device_key
        ELSE 'D' || dense_rank() OVER (ORDER BY md5(device_key || $salt))
    END AS scanner,
    CASE
        WHEN site_key IS NULL THEN NULL
        WHEN $with_keys::BOOLEAN THEN site_key
        ELSE 'I' || dense_rank() OVER (ORDER BY md5(site_key || $salt))
    END AS site,
    CASE WHEN $with_keys::BOOLEAN THEN patient_age_years ELSE least(floor(patient_age_years), 90) END AS patient_age_years,
    CASE WHEN $with_keys::BOOLEAN THEN study_date::VARCHAR ELSE year(study_date)::VARCHAR END AS studied,
    suggested_causes, reader_causes, p.reference_vbmd AS reference_vbmd_mg_cm3, p.source AS reference_source,
    /*exported columns*/ 0 AS nothing
FROM chosen
LEFT JOIN suggested USING (result_id)
LEFT JOIN read USING (series_key)
LEFT JOIN pairs AS p ON p.series_key = chosen.series_key AND p.level IS NULL
ORDER BY patient, study, series;
