-- Counts behind the indicators at $now, one row each: how many patients' clocks have run out (due), how many of them had
-- the thing done in time, how many clocks still run. Who died or moved before the clock ran out is not counted as due.
-- Moments are us since 1970: the calendar is slow over many rows.
WITH done AS (  -- most patients were flagged once: nothing to gather
    SELECT
        epoch_us(flagged_at) AS flagged_at, worst_fracture_grade, review,
        epoch_us(reviewed_at) AS reviewed_at, epoch_us(risk_at) AS risk_at, epoch_us(dxa_at) AS dxa_at,
        epoch_us(falls_at) AS falls_at, epoch_us(advised_at) AS advised_at, epoch_us(decided_at) AS decided_at,
        epoch_us(exercise_at) AS exercise_at, epoch_us(contact_at) AS contact_at, epoch_us(started_at) AS started_at,
        epoch_us(still_at) AS still_at, epoch_us(ended_at) AS ended_at, epoch_us(gone_at) AS gone_at
    FROM cohort
    WHERE is_only_flag AND /*cohort*/ TRUE
    UNION ALL
    SELECT
        epoch_us(min(flagged_at)), max(worst_fracture_grade), arg_max(review, reviewed_at),
        epoch_us(min(reviewed_at)), epoch_us(min(risk_at)), epoch_us(min(dxa_at)), epoch_us(min(falls_at)),
        epoch_us(min(advised_at)), epoch_us(min(decided_at)), epoch_us(min(exercise_at)), epoch_us(min(contact_at)),
        epoch_us(min(started_at)), epoch_us(min(still_at)), epoch_us(min(ended_at)), epoch_us(min(gone_at))
    FROM cohort
    WHERE NOT is_only_flag AND /*cohort*/ TRUE
    GROUP BY patient_number
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
