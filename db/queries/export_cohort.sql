-- The filtered cohort, one row a series, as it may leave the site. Without $with_keys patients, studies, series,
-- scanners and sites have names drawn by the secret $salt, 64 bits of a hash as their keys have (a number of each would
-- need a rank over the whole cohort, many seconds for a million series), and of the day of study the year alone is
-- given. In no order: who asks for a part of it says which, and sorting all first costs most of the time.
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
    CASE WHEN $with_keys::BOOLEAN THEN patient_key ELSE 'P' || left(md5(patient_key || $salt), 16) END AS patient,
    CASE WHEN $with_keys::BOOLEAN THEN study_key ELSE 'S' || left(md5(study_key || $salt), 16) END AS study,
    CASE WHEN $with_keys::BOOLEAN THEN chosen.series_key ELSE 'R' || left(md5(chosen.series_key || $salt), 16) END AS series,
    CASE
        WHEN device_key IS NULL THEN NULL
        WHEN $with_keys::BOOLEAN THEN device_key
        ELSE 'D' || left(md5(device_key || $salt), 16)
    END AS scanner,
    CASE
        WHEN site_key IS NULL THEN NULL
        WHEN $with_keys::BOOLEAN THEN site_key
        ELSE 'I' || left(md5(site_key || $salt), 16)
    END AS site,
    CASE WHEN $with_keys::BOOLEAN THEN patient_age_years ELSE least(floor(patient_age_years), 90) END AS patient_age_years,
    CASE WHEN $with_keys::BOOLEAN THEN study_date::VARCHAR ELSE year(study_date)::VARCHAR END AS studied,
    suggested_causes, reader_causes, p.reference_vbmd AS reference_vbmd_mg_cm3, p.source AS reference_source,
    /*exported columns*/ 0 AS nothing
FROM chosen
LEFT JOIN suggested USING (result_id)
LEFT JOIN read USING (series_key)
LEFT JOIN pairs AS p ON p.series_key = chosen.series_key AND p.level IS NULL;
