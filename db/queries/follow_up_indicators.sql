-- Counts behind the indicators at $now, one row each: how many patients' clocks have run out (due), how many of them
-- had the thing done in time, how many clocks still run. Who died or moved before the clock ran out is not counted as
-- due. One flag stands for its patient: the first that was confirmed, since a confirmed flag is what the indicators
-- count people by and its clock is the one that runs; without one that which has waited longest for its review, so that
-- a later scan hides no overdue one; else the last. Clock, review, grade and end are that flag's. What was done for the
-- patient after it counts whichever series it was noted on (of each series the first of its kind is kept). Moments are
-- us since 1970: the calendar is slow over many rows.
WITH flag AS (
    SELECT
        patient_number, series_key, is_only_flag, worst_fracture_grade, review, follow_state,
        epoch_us(flagged_at) AS flagged_at, epoch_us(reviewed_at) AS reviewed_at, epoch_us(risk_at) AS risk_at,
        epoch_us(dxa_at) AS dxa_at, epoch_us(falls_at) AS falls_at, epoch_us(advised_at) AS advised_at,
        epoch_us(decided_at) AS decided_at, epoch_us(exercise_at) AS exercise_at, epoch_us(contact_at) AS contact_at,
        epoch_us(started_at) AS started_at, epoch_us(still_at) AS still_at, epoch_us(ended_at) AS ended_at,
        epoch_us(gone_at) AS gone_at
    FROM cohort
    WHERE is_only_flag IS NOT NULL AND /*cohort*/ TRUE
),
chosen AS (
    SELECT * FROM flag
    WHERE NOT is_only_flag
    QUALIFY row_number() OVER (
        PARTITION BY patient_number
        ORDER BY
            coalesce(review = 'confirmed', false) DESC, follow_state = 'to review' DESC,
            CASE WHEN coalesce(review = 'confirmed', false) OR follow_state = 'to review' THEN flagged_at END,
            flagged_at DESC, series_key
    ) = 1
),
later AS (
    SELECT
        c.patient_number, min(o.risk_at) FILTER (o.risk_at >= c.flagged_at) AS risk_at,
        min(o.dxa_at) FILTER (o.dxa_at >= c.flagged_at) AS dxa_at,
        min(o.falls_at) FILTER (o.falls_at >= c.flagged_at) AS falls_at,
        min(o.advised_at) FILTER (o.advised_at >= c.flagged_at) AS advised_at,
        min(o.exercise_at) FILTER (o.exercise_at >= c.flagged_at) AS exercise_at,
        min(o.contact_at) FILTER (o.contact_at >= c.flagged_at) AS contact_at,
        min(o.started_at) FILTER (o.started_at >= c.flagged_at) AS started_at,
        min(o.still_at) FILTER (o.still_at >= c.flagged_at) AS still_at,
        min(o.gone_at) FILTER (o.gone_at >= c.flagged_at) AS gone_at
    FROM chosen AS c
    JOIN flag AS o ON o.patient_number = c.patient_number AND o.series_key <> c.series_key
    GROUP BY c.patient_number
),
done AS (  -- most patients were flagged once: nothing to choose
    SELECT
        flagged_at, worst_fracture_grade, review, reviewed_at, risk_at, dxa_at, falls_at, advised_at, decided_at,
        exercise_at, contact_at, started_at, still_at, ended_at, gone_at
    FROM flag
    WHERE is_only_flag
    UNION ALL
    SELECT
        c.flagged_at, c.worst_fracture_grade, c.review, c.reviewed_at, least(c.risk_at, l.risk_at),
        least(c.dxa_at, l.dxa_at), least(c.falls_at, l.falls_at), least(c.advised_at, l.advised_at),
        least(c.decided_at, l.advised_at), least(c.exercise_at, l.exercise_at), least(c.contact_at, l.contact_at),
        least(c.started_at, l.started_at), least(c.still_at, l.still_at), c.ended_at, least(c.gone_at, l.gone_at)
    FROM chosen AS c
    LEFT JOIN later AS l USING (patient_number)
),
rule AS (
    SELECT
        max(value) FILTER (name = 'fracture grade') AS fracture_grade,
        max(604800000000 * value::BIGINT) FILTER (name = 'assessment weeks') AS assessment_us,
        max(604800000000 * value::BIGINT) FILTER (name = 'treatment weeks') AS treatment_us,
        max(604800000000 * value::BIGINT) FILTER (name = 'persistence weeks') AS persistence_us,
        (SELECT list(86400000000 * days ORDER BY weekday) FROM weekdays) AS review_us
    FROM rules
),
clock AS MATERIALIZED (
    SELECT
        done.* EXCLUDE (flagged_at, worst_fracture_grade),
        coalesce(worst_fracture_grade >= fracture_grade, false) AS is_fracture,
        coalesce(review = 'confirmed', false) AS is_confirmed,
        -- the first day of all was a Thursday
        flagged_at + review_us[(flagged_at // 86400000000 + 3) % 7 + 1] AS review_by,
        flagged_at + assessment_us AS assess_by,
        flagged_at + treatment_us AS treat_by,
        flagged_at + persistence_us AS persist_by
    FROM done, rule
),
confirmed AS MATERIALIZED (
    SELECT * FROM clock WHERE is_confirmed
),
asked AS (
    SELECT 1::UTINYINT AS number, review_by AS until, reviewed_at AS done_at, gone_at, true AS counts FROM clock
    UNION ALL SELECT 2::UTINYINT, assess_by, risk_at, gone_at, true FROM confirmed
    UNION ALL SELECT 3::UTINYINT, assess_by, dxa_at, gone_at, true FROM confirmed
    UNION ALL SELECT 4::UTINYINT, assess_by, falls_at, gone_at, true FROM confirmed
    UNION ALL SELECT 5::UTINYINT, treat_by, advised_at, gone_at, true FROM confirmed
    UNION ALL SELECT 6::UTINYINT, treat_by, exercise_at, gone_at, true FROM confirmed
    UNION ALL SELECT 7::UTINYINT, treat_by, contact_at, gone_at, true FROM confirmed
    UNION ALL SELECT 8::UTINYINT, treat_by, started_at, gone_at, advised_at IS NOT NULL FROM confirmed
    UNION ALL SELECT 9::UTINYINT, persist_by, still_at, gone_at, started_at IS NOT NULL FROM confirmed
    UNION ALL
    SELECT
        10::UTINYINT, treat_by,
        least(ended_at, CASE
            WHEN risk_at IS NOT NULL AND dxa_at IS NOT NULL AND falls_at IS NOT NULL AND decided_at IS NOT NULL
                THEN greatest(risk_at, dxa_at, falls_at, decided_at)
        END),
        gone_at, true
    FROM confirmed
    UNION ALL SELECT 11::UTINYINT, reviewed_at, CASE WHEN is_confirmed THEN reviewed_at END, NULL, review IN ('confirmed', 'not confirmed') FROM clock
    UNION ALL SELECT 12::UTINYINT, reviewed_at, reviewed_at, NULL, is_fracture FROM confirmed
)
SELECT
    [
        'reviewed in time', 'risk assessed', 'DXA', 'falls assessed', 'treatment advised', 'exercise started', 'monitored',
        'treatment started', 'still treated', 'complete', 'confirmed', 'spine fractures'
    ][number] AS indicator,
    count(*) FILTER (until <= epoch_us($now::TIMESTAMPTZ) AND (gone_at IS NULL OR gone_at > until)) AS due,
    count(*) FILTER (until <= epoch_us($now::TIMESTAMPTZ) AND (gone_at IS NULL OR gone_at > until) AND done_at <= until) AS done,
    count(*) FILTER (until > epoch_us($now::TIMESTAMPTZ) AND gone_at IS NULL) AS running
FROM asked
WHERE counts
GROUP BY number
ORDER BY indicator;
