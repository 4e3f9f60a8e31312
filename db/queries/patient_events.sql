-- What people did with $series_key, oldest first.
SELECT event_id, kind, author, "at", reason, payload_json, model_hash, settings_hash
FROM events
WHERE series_key = $series_key
ORDER BY "at", event_id;
