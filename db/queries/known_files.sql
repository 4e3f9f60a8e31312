-- Every file that was read into the index, as last seen, with its study: what did not change need not be opened again.
-- A file counts only beside its series' row of the same reading: where a kill came between the two it is read again.
SELECT
    f.path,
    arg_max(f.size_bytes, f.indexed_at) AS size_bytes,
    arg_max(f.mtime_ns, f.indexed_at) AS mtime_ns,
    arg_max(s.study_key, f.indexed_at) AS study_key
FROM files f
JOIN (SELECT DISTINCT series_key, indexed_at FROM series) i USING (series_key, indexed_at)
LEFT JOIN current_series s USING (series_key)
GROUP BY f.path
ORDER BY f.path;
