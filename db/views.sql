-- Views and macros hold no data, so they are no migrations: made anew whenever a store or a snapshot is opened.
-- Which row counts, after QUALIFY: of a series' headers, of its results (what a reader signed counts before what the
-- program measured), of a patient's QCT values.
CREATE OR REPLACE MACRO is_current_series(series_key, indexed_at, index_id) AS
row_number() OVER (PARTITION BY series_key ORDER BY indexed_at DESC NULLS LAST, index_id DESC) = 1;

CREATE OR REPLACE MACRO is_current_result(series_key, is_read, finished_at, result_id) AS
row_number() OVER (
    PARTITION BY series_key ORDER BY coalesce(is_read, false) DESC, finished_at DESC, result_id DESC
) = 1;

CREATE OR REPLACE MACRO is_current_reference(patient_key, level, mineral, imported_at, source) AS
row_number() OVER (PARTITION BY patient_key, level, mineral ORDER BY imported_at DESC, source) = 1;

CREATE OR REPLACE VIEW current_series AS
SELECT * FROM series
QUALIFY is_current_series(series_key, indexed_at, index_id);

-- Results that may count. What a reader signed is written before its signature, which carries the same moment; one that a kill
-- left without a signature counts for nothing, and the reader, whom nobody told that it was signed, signs again. A
-- signature belongs to the latest result up to it: former programs gave the two moments of their own. A second reader's
-- signature has no result.
CREATE OR REPLACE VIEW sound_results AS
SELECT * FROM results
ANTI JOIN (
    SELECT result_id FROM results
    WHERE is_read AND result_id NOT IN (
        SELECT signed.result_id
        FROM (
            SELECT series_key, "at" FROM events
            WHERE kind = 'read signed' AND payload_json ->> '$.role' <> 'second reader'
        ) AS signature
        ASOF JOIN (SELECT series_key, finished_at, result_id FROM results WHERE is_read) AS signed
            ON signature.series_key = signed.series_key AND signature."at" >= signed.finished_at
    )
) AS unsigned USING (result_id);

CREATE OR REPLACE VIEW current_results AS
SELECT * FROM sound_results
QUALIFY is_current_result(series_key, is_read, finished_at, result_id);

-- The latest result of each series under one version (osteo_core/programme/versions.py); '' where anything will do. Of the
-- series `hidden` no signed read.
CREATE OR REPLACE MACRO results_of(model, settings, measuring, calibration, origin, hidden) AS TABLE
SELECT * FROM sound_results
WHERE NOT (coalesce(is_read, false) AND list_contains(hidden, series_key))
AND (model = '' OR model_hash = model)
AND (settings = '' OR settings_hash = settings)
AND (measuring = '' OR measuring_version = measuring)
AND (calibration = '' OR calibration_kind = calibration)
AND (origin = '' OR coalesce(is_read, false) = (origin = 'reader'))
QUALIFY is_current_result(series_key, is_read, finished_at, result_id);

-- A path that now holds another series belongs to the series it was last seen with.
CREATE OR REPLACE VIEW current_files AS
SELECT * FROM files
QUALIFY rank() OVER (PARTITION BY path ORDER BY indexed_at DESC) = 1;

-- QCT values of imports that nobody withdrew.
CREATE OR REPLACE VIEW valid_reference_values AS
SELECT * FROM reference_values
ANTI JOIN (
    SELECT (payload_json ->> '$.imported_at')::TIMESTAMPTZ AS imported_at FROM events WHERE kind = 'QCT import withdrawn'
) AS withdrawn USING (imported_at);

CREATE OR REPLACE VIEW current_reference_values AS
SELECT * FROM valid_reference_values
QUALIFY is_current_reference(patient_key, level, mineral, imported_at, source);

-- What was noted about a flag: a new state, a fact beside the states, or that a note was undone
-- (osteo_core/programme/follow_up.py). `undone`: the note as it was; `is_undone`: a later event took this one back.
CREATE OR REPLACE VIEW follow_up_notes AS
SELECT
    event_id, series_key, author, "at", reason,
    payload_json ->> '$.state' AS state,
    payload_json ->> '$.fact' AS fact,
    payload_json ->> '$.previous' AS previous,
    payload_json ->> '$.because' AS because,
    CASE WHEN kind = 'follow-up undone' THEN payload_json ->> '$.note' END AS undone,
    event_id IN (
        SELECT payload_json ->> '$.undoes' FROM events
        WHERE kind = 'follow-up undone' AND payload_json ->> '$.undoes' IS NOT NULL
    ) AS is_undone
FROM events
WHERE kind IN ('follow-up', 'follow-up fact', 'follow-up undone');

-- Who takes care of a series, until when it waits, and the last contact (osteo_core/programme/planning.py).
CREATE OR REPLACE VIEW follow_up_plans AS
SELECT
    series_key,
    nullif(arg_max(assignee, "at") FILTER (assignee IS NOT NULL), '') AS assignee,
    nullif(arg_max(snooze_until, "at") FILTER (snooze_until IS NOT NULL), '')::DATE AS snooze_until,
    max("at") FILTER (contact IS NOT NULL) AS last_contact_at,
    arg_max(contact, "at") FILTER (contact IS NOT NULL) AS last_contact
FROM (
    SELECT
        series_key, "at",
        payload_json ->> '$.assignee' AS assignee,
        payload_json ->> '$.snooze_until' AS snooze_until,
        payload_json ->> '$.contact' AS contact
    FROM events
    WHERE kind = 'follow-up plan'
)
GROUP BY series_key;

-- What readers said about the cause of a level's shape (osteo_core/programme/cause.py).
CREATE OR REPLACE VIEW cause_readings AS
SELECT
    event_id, series_key, author, "at", reason,
    (payload_json ->> '$.level')::UTINYINT AS level,
    payload_json ->> '$.cause' AS cause,
    payload_json ->> '$.suggested' AS suggested
FROM events
WHERE kind = 'cause reading';

CREATE OR REPLACE VIEW current_cause_readings AS
SELECT * FROM cause_readings
QUALIFY row_number() OVER (PARTITION BY series_key, level ORDER BY "at" DESC, event_id DESC) = 1;

-- What the program measured, and whether a series' files have changed since it began to.
CREATE OR REPLACE VIEW measured_results AS
WITH readings AS (
    SELECT series_key, indexed_at, hash(count(*), bit_xor(hash(path, size_bytes, mtime_ns, coalesce(about_hash, '')))) AS state
    FROM files
    GROUP BY series_key, indexed_at
),
changes AS (
    SELECT series_key, indexed_at FROM readings
    QUALIFY state <> lag(state) OVER (PARTITION BY series_key ORDER BY indexed_at)
)
SELECT
    r.*,
    EXISTS (
        SELECT 1 FROM changes AS c
        WHERE c.series_key = r.series_key
        AND c.indexed_at > r.finished_at - to_milliseconds(CAST(1000 * coalesce(r.seconds, 0) AS BIGINT))
    ) AS is_outdated
FROM sound_results AS r
WHERE NOT coalesce(r.is_read, false);  -- a reader signs what the screen shows, whatever the files have become

-- Series whose latest measured result has these models, settings and measuring code, from the files as they are now. An
-- earlier such result does not count: the page shows the latest. `own`: 'series_key model_hash' of series that have a
-- model hash of their own (masks from elsewhere). With `redo_failed` a series whose latest result failed is not done.
CREATE OR REPLACE MACRO done(models, own, settings, measuring, redo_failed) AS TABLE
SELECT r.series_key
FROM measured_results AS r
GROUP BY r.series_key
HAVING max(r.finished_at) = max(r.finished_at) FILTER (
    (r.model_hash = models OR list_contains(own, concat(r.series_key, ' ', r.model_hash)))
    AND r.settings_hash = settings
    AND r.measuring_version = measuring
    AND NOT r.is_outdated
    AND NOT (redo_failed AND r.status = 'failed')
);
