-- Saved outlines and signed reads of every series with a signed read, in order of time, with the scanner of each
-- (osteo_core/review/read_events.py, osteo_core/review/corrections.py).
SELECT
    e.event_id, e.kind, e.series_key, e.author, e."at", e.reason, e.payload_json, e.model_hash, e.settings_hash,
    concat_ws(' ', c.vendor, c.manufacturer_model_name) AS scanner
FROM events AS e
JOIN cohort AS c ON c.series_key = e.series_key
WHERE e.kind IN ('mask saved', 'read signed')
    AND e.series_key IN (SELECT series_key FROM events WHERE kind = 'read signed')
ORDER BY e."at", e.event_id;
