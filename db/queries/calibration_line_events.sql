-- Calibration lines that were made from QCT pairs in this store, and their withdrawals
-- (osteo_core/programme/site_line.py).
SELECT event_id, kind, series_key, author, "at", reason, payload_json
FROM events
WHERE kind IN ('calibration line', 'calibration line withdrawn')
ORDER BY "at", event_id;
