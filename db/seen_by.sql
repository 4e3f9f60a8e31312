-- What a reader may see ($seen_by, '' for one who has not said who they are): where another one signed a series that this
-- one has neither signed nor been shown, and that waits for a second read, the program's own result stands in its place,
-- as if nothing had been noted of its follow-up. The same rule as osteo_core/review/reads.py.
hidden AS (
    SELECT series_key FROM main.events
    WHERE kind = 'read signed'
    GROUP BY series_key
    HAVING $seen_by::VARCHAR = '' OR bool_and(author <> $seen_by AND payload_json ->> '$.role' = 'first reader')
    EXCEPT
    SELECT series_key FROM main.events
    WHERE kind = 'opened' AND author = $seen_by AND author <> '' AND (payload_json ->> '$.shows_read')::BOOLEAN
),
events AS (
    SELECT * FROM main.events
    WHERE series_key NOT IN (FROM hidden) OR kind NOT IN ('follow-up', 'follow-up fact', 'follow-up undone')
),
seen AS (
    SELECT * FROM main.cohort WHERE series_key NOT IN (FROM hidden)
    UNION ALL BY NAME
    SELECT * FROM main.unread WHERE series_key IN (FROM hidden)
),
cohort AS (  -- whether a flag is its patient's only one was found with the reads that are hidden here
    SELECT * REPLACE (
        CASE
            WHEN is_only_flag
                THEN patient_number NOT IN (SELECT patient_number FROM main.unread WHERE series_key IN (FROM hidden))
            ELSE is_only_flag
        END AS is_only_flag
    )
    FROM seen
),
current_cause_readings AS (
    SELECT * FROM main.current_cause_readings WHERE author = $seen_by OR series_key NOT IN (FROM hidden)
)
