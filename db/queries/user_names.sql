-- The name for display of everybody who signed in, as their latest sign-in gave it.
SELECT author, arg_max(payload_json ->> '$.name', "at") AS name
FROM events
WHERE kind = 'signed in'
GROUP BY author
