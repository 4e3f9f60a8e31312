-- Series of the patients $patient_keys, and of the examinations $accession_keys, the preferred one of a study first.
-- People who were told apart have a patient key of their own and share that of their PatientID alone (patient_id_key).
-- Only the latest reading of a series says whose it is: a number that was corrected since finds nobody.
WITH matched AS (
    SELECT DISTINCT series_key FROM series
    WHERE list_contains($patient_keys::VARCHAR[], patient_key)
        OR list_contains($patient_keys::VARCHAR[], patient_id_key)
        OR list_contains($accession_keys::VARCHAR[], accession_key)
),
found AS (
    SELECT series_key, patient_id_key, accession_key FROM series
    WHERE series_key IN (SELECT series_key FROM matched)
    QUALIFY is_current_series(series_key, indexed_at, index_id)
)
SELECT c.series_key, c.patient_key, f.patient_id_key, f.accession_key, c.status, c.category, c.mean_vbmd_mg_cm3,
    c.is_flagged, c.follow_state, c.study_date, c.is_preferred, coalesce(c.is_read, false) AS is_read
FROM cohort AS c
JOIN found AS f USING (series_key)
ORDER BY c.patient_key, c.study_date DESC NULLS LAST, c.is_preferred DESC, c.series_key;
