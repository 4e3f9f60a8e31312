-- Every read that was signed in this store, in order of time (osteo_core/review/read_events.py).
SELECT event_id, kind, series_key, author, "at", reason, payload_json, model_hash, settings_hash
FROM events
WHERE kind = 'read signed'
ORDER BY "at", event_id;
