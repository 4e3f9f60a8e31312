-- Series that a reader signed and that are shown as the program measured them: none, unless one reader's sight is asked
-- for.
SELECT unread.series_key
FROM unread
JOIN cohort USING (series_key)
WHERE NOT coalesce(cohort.is_read, false) AND cohort.status <> 'excluded'
ORDER BY unread.series_key;
