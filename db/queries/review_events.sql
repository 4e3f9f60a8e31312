-- What readers did with $series_key, in order of time, and what was sent of it (osteo_core/review/read_events.py).
SELECT event_id, kind, series_key, author, "at", reason, payload_json, model_hash, settings_hash
FROM events
WHERE series_key = $series_key AND kind IN ('opened', 'mask saved', 'read signed', 'sent')
ORDER BY "at", event_id;
