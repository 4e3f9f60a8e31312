-- Saved outlines, signed reads and what was sent of them, in order of time, of every series with a signed read: of the
-- patients $patient_keys, of all where none is named (osteo_core/review/read_events.py).
SELECT e.event_id, e.kind, e.series_key, e.author, e."at", e.reason, e.payload_json, e.model_hash, e.settings_hash
FROM events AS e
JOIN cohort AS c ON c.series_key = e.series_key
WHERE e.kind IN ('mask saved', 'read signed', 'sent')
    AND e.series_key IN (SELECT series_key FROM events WHERE kind = 'read signed')
    AND (len($patient_keys) = 0 OR list_contains($patient_keys, c.patient_key))
ORDER BY e."at", e.event_id;
