-- Series other than $keys that are made of any file in $paths, as last read, with all their files.
WITH shared AS (
    SELECT DISTINCT series_key FROM files
    WHERE path IN (SELECT unnest($paths::VARCHAR[])) AND NOT list_contains($keys::VARCHAR[], series_key)
)
SELECT s.*, list(f.path ORDER BY f.path) AS files
FROM current_series AS s
JOIN files AS f ON f.series_key = s.series_key AND f.indexed_at = s.indexed_at
WHERE s.series_key IN (FROM shared)
GROUP BY ALL
ORDER BY s.series_key;
