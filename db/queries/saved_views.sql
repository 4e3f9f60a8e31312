-- Named views of the cohort as they were saved last, without those taken away; the payload holds name and query string.
SELECT payload_json ->> '$.name' AS name, payload_json ->> '$.query' AS query, author, "at"
FROM events
WHERE kind = 'saved view'
QUALIFY row_number() OVER (PARTITION BY payload_json ->> '$.name' ORDER BY "at" DESC, event_id DESC) = 1
AND payload_json ->> '$.query' IS NOT NULL
ORDER BY name;
