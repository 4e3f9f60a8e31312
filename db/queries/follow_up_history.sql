-- What was noted about $series_key, the latest first; `level` (VerSe number) where a reader noted the cause of one level;
-- `is_undo` for an event that undid the note it names, `is_undone` for that note.
SELECT
    "at", author, coalesce(state, fact, undone) AS note, NULL::UTINYINT AS level, previous, because, reason, event_id,
    undone IS NOT NULL AS is_undo, is_undone
FROM follow_up_notes
WHERE series_key = $series_key
UNION ALL
SELECT "at", author, cause, level, NULL, NULL, reason, event_id, false, false
FROM cause_readings
WHERE series_key = $series_key
ORDER BY "at" DESC, event_id DESC;
