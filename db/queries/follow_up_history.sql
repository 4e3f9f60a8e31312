-- What was noted about $series_key, the latest first; `level` (VerSe number) where a reader spoke of the cause of one level.
SELECT "at", author, coalesce(state, fact) AS note, NULL::UTINYINT AS level, previous, because, reason, event_id
FROM follow_up_notes
WHERE series_key = $series_key
UNION ALL
SELECT "at", author, cause, level, NULL, NULL, reason, event_id
FROM cause_readings
WHERE series_key = $series_key
ORDER BY "at" DESC, event_id DESC;
