-- What changed since the moment $since: series read and analyzed, new flags, new failures, clocks that ran out, notes.
SELECT
    count(*) FILTER (indexed_at > $since::TIMESTAMPTZ) AS n_indexed,
    count(*) FILTER (finished_at > $since::TIMESTAMPTZ AND status <> 'failed') AS n_analyzed,
    count(*) FILTER (finished_at > $since::TIMESTAMPTZ AND status = 'failed') AS n_failed,
    count(*) FILTER (flagged_at > $since::TIMESTAMPTZ) AS n_flagged,
    count(*) FILTER (due_at > $since::TIMESTAMPTZ AND due_at <= now()) AS n_overdue,
    (
        SELECT count(*) FROM events WHERE kind IN ('follow-up', 'follow-up fact') AND "at" > $since::TIMESTAMPTZ
    ) AS n_notes
FROM cohort;
