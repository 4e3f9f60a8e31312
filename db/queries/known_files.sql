-- Every file that was read into the index, as last seen: what did not change need not be opened again.
SELECT path, arg_max(size_bytes, indexed_at) AS size_bytes, arg_max(mtime_ns, indexed_at) AS mtime_ns
FROM files
GROUP BY path
ORDER BY path;
