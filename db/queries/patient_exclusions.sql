-- Current exclusions of $series_key in the order in which they were given. What waits is not excluded: another series
-- was preferred, and could not be measured.
SELECT e.code, e.step, e.level, e.found, e."limit", e.sentence
FROM exclusions AS e
JOIN cohort ON cohort.source_id = e.source_id
WHERE e.series_key = $series_key AND cohort.series_key = $series_key AND cohort.status <> 'waiting'
ORDER BY e.position;
