-- What was noted about the flag of $series_key, the latest first.
SELECT "at", author, coalesce(state, fact) AS note, previous, because, reason
FROM follow_up_notes
WHERE series_key = $series_key
ORDER BY "at" DESC, event_id DESC;
