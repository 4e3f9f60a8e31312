-- Sign-ins that were ended within the last day, the longest that one can hold.
SELECT payload_json ->> '$.login' AS login
FROM events
WHERE kind = 'signed out' AND "at" > now() - INTERVAL 1 DAY
