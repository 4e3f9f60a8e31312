-- What changed since the moment $since: series read and analyzed, new flags, new failures, clocks that ran out, series
-- noted.
SELECT
    count(*) FILTER (indexed_at > $since::TIMESTAMPTZ) AS n_indexed,
    count(*) FILTER (finished_at > $since::TIMESTAMPTZ AND status <> 'failed') AS n_analyzed,
    count(*) FILTER (finished_at > $since::TIMESTAMPTZ AND status = 'failed') AS n_failed,
    count(*) FILTER (flagged_at > $since::TIMESTAMPTZ) AS n_flagged,
    count(*) FILTER (due_at > $since::TIMESTAMPTZ AND due_at <= now()) AS n_overdue,
    (
        SELECT count(DISTINCT series_key) FROM events
        WHERE kind IN ('follow-up', 'follow-up fact', 'follow-up undone') AND "at" > $since::TIMESTAMPTZ
    ) AS n_noted
FROM cohort;
