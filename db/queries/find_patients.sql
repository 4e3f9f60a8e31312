-- Series of the patients $patient_keys, and of the examinations $accession_keys, the preferred one of a study first.
WITH found AS (
    SELECT series_key, accession_key FROM series
    WHERE list_contains($patient_keys::VARCHAR[], patient_key) OR list_contains($accession_keys::VARCHAR[], accession_key)
    QUALIFY is_current_series(series_key, indexed_at, index_id)
)
SELECT c.series_key, c.patient_key, f.accession_key, c.status, c.category, c.mean_vbmd_mg_cm3, c.is_flagged, c.follow_state,
    c.study_date, c.is_preferred, coalesce(c.is_read, false) AS is_read
FROM cohort AS c
JOIN found AS f USING (series_key)
ORDER BY c.patient_key, c.study_date DESC NULLS LAST, c.is_preferred DESC, c.series_key;
