-- Counts behind the indicators at $now, one row each: how many patients' clocks have run out (due), how many of them had
-- the thing done in time, how many clocks still run. Who died or moved before the clock ran out is not counted as due.
WITH done AS (
    SELECT
        cohort.patient_number,
        min(cohort.flagged_at) AS flagged_at,
        coalesce(max(cohort.worst_fracture_grade), 0) >= 2 AS is_fracture,
        arg_max(f.review, f.reviewed_at) AS review,
        min(f.reviewed_at) AS reviewed_at,
        min(f.risk_at) AS risk_at,
        min(f.dxa_at) AS dxa_at,
        min(f.falls_at) AS falls_at,
        min(f.advised_at) AS advised_at,
        min(f.decided_at) AS decided_at,
        min(f.exercise_at) AS exercise_at,
        min(f.contact_at) AS contact_at,
        min(f.started_at) AS started_at,
        min(f.still_at) AS still_at,
        min(f.ended_at) AS ended_at,
        min(f.gone_at) AS gone_at
    FROM cohort
    LEFT JOIN follow_ups AS f ON f.series_key = cohort.series_key
    WHERE cohort.flagged_at IS NOT NULL AND /*cohort*/ TRUE
    GROUP BY cohort.patient_number
),
clock AS (
    SELECT
        *,
        coalesce(review = 'confirmed', false) AS is_confirmed,
        flagged_at + to_days(CASE isodow(flagged_at) WHEN 6 THEN 6 WHEN 7 THEN 5 ELSE 7 END) AS review_by,
        flagged_at + to_days(7 * $assessment_weeks::INTEGER) AS assess_by,
        flagged_at + to_days(7 * $treatment_weeks::INTEGER) AS treat_by,
        flagged_at + to_days(7 * $persistence_weeks::INTEGER) AS persist_by
    FROM done
),
asked AS (
    SELECT 'reviewed in time' AS indicator, review_by AS until, reviewed_at AS done_at, gone_at, true AS counts FROM clock
    UNION ALL SELECT 'risk assessed', assess_by, risk_at, gone_at, is_confirmed FROM clock
    UNION ALL SELECT 'DXA', assess_by, dxa_at, gone_at, is_confirmed FROM clock
    UNION ALL SELECT 'falls assessed', assess_by, falls_at, gone_at, is_confirmed FROM clock
    UNION ALL SELECT 'treatment advised', treat_by, advised_at, gone_at, is_confirmed FROM clock
    UNION ALL SELECT 'exercise started', treat_by, exercise_at, gone_at, is_confirmed FROM clock
    UNION ALL SELECT 'monitored', treat_by, contact_at, gone_at, is_confirmed FROM clock
    UNION ALL SELECT 'treatment started', treat_by, started_at, gone_at, is_confirmed AND advised_at IS NOT NULL FROM clock
    UNION ALL SELECT 'still treated', persist_by, still_at, gone_at, is_confirmed AND started_at IS NOT NULL FROM clock
    UNION ALL
    SELECT
        'complete', treat_by,
        least(ended_at, CASE
            WHEN risk_at IS NOT NULL AND dxa_at IS NOT NULL AND falls_at IS NOT NULL AND decided_at IS NOT NULL
                THEN greatest(risk_at, dxa_at, falls_at, decided_at)
        END),
        gone_at, is_confirmed
    FROM clock
    UNION ALL SELECT 'confirmed', reviewed_at, CASE WHEN is_confirmed THEN reviewed_at END, NULL, review IN ('confirmed', 'not confirmed') FROM clock
    UNION ALL SELECT 'spine fractures', reviewed_at, reviewed_at, NULL, is_confirmed AND is_fracture FROM clock
)
SELECT
    indicator,
    count(*) FILTER (until <= $now::TIMESTAMPTZ AND (gone_at IS NULL OR gone_at > until)) AS due,
    count(*) FILTER (until <= $now::TIMESTAMPTZ AND (gone_at IS NULL OR gone_at > until) AND done_at <= until) AS done,
    count(*) FILTER (until > $now::TIMESTAMPTZ AND gone_at IS NULL) AS running
FROM asked
WHERE counts
GROUP BY indicator
ORDER BY indicator;
