-- What was noted about $series_key and how it was read, the latest first; `level` (VerSe number) where a reader noted
-- the cause of one level; `is_undo` for an event that undid the note it names, `is_undone` for that note; `is_note` for
-- states and facts.
SELECT
    "at", author, coalesce(state, fact, undone) AS note, NULL::UTINYINT AS level, previous, because, reason, event_id,
    undone IS NOT NULL AS is_undo, is_undone, undone IS NULL AS is_note
FROM follow_up_notes
WHERE series_key = $series_key
UNION ALL
SELECT "at", author, cause, level, NULL, NULL, reason, event_id, false, false, false
FROM cause_readings
WHERE series_key = $series_key
UNION ALL
SELECT
    "at", author,
    CASE
        WHEN payload_json ->> '$.contact' IS NOT NULL THEN 'contact ' || (payload_json ->> '$.contact')
        WHEN payload_json ->> '$.assignee' = '' THEN 'assigned to nobody'
        WHEN payload_json ->> '$.assignee' IS NOT NULL THEN 'assigned to ' || (payload_json ->> '$.assignee')
        WHEN payload_json ->> '$.snooze_until' = '' THEN 'waits no longer'
        ELSE 'waits until ' || (payload_json ->> '$.snooze_until')
    END,
    NULL, NULL, NULL, reason, event_id, false, false, false
FROM events
WHERE kind = 'follow-up plan' AND series_key = $series_key
UNION ALL
SELECT
    "at", author,
    CASE
        WHEN kind = 'mask saved' THEN 'outlines saved'
        ELSE concat(payload_json ->> '$.verdict', ', signed as ', payload_json ->> '$.role')
    END,
    NULL, NULL, NULL, reason, event_id, false, false, false
FROM events
WHERE kind IN ('mask saved', 'read signed') AND series_key = $series_key
ORDER BY "at" DESC, event_id DESC;
