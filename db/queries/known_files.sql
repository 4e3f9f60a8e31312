-- Every file that was read into the index, as last seen, with whose it is: what did not change need not be opened
-- again. A file counts only beside its series' row of the same reading: where a kill came between the two it is read
-- again. Stores of older versions know no hash of the identifiers alone; then it is that of patient and study.
SELECT
    f.path,
    arg_max(f.size_bytes, f.indexed_at) AS size_bytes,
    arg_max(f.mtime_ns, f.indexed_at) AS mtime_ns,
    arg_max(coalesce(f.about_hash, ''), f.indexed_at) AS about_hash,
    arg_max(coalesce(i.patient_id_key, i.patient_key), f.indexed_at) AS patient_id_key,
    arg_max(coalesce(i.study_uid_key, i.study_key), f.indexed_at) AS study_uid_key
FROM files f
JOIN series i USING (series_key, indexed_at)
LEFT JOIN (
    SELECT DISTINCT source_id FROM exclusions WHERE code = 'unreadable' AND step = 'find'
) AS unread ON unread.source_id = i.index_id
GROUP BY f.path
HAVING arg_max(unread.source_id IS NULL, f.indexed_at)  -- what could not be read may be readable now
ORDER BY f.path;
