-- The result of $series_key that was signed at the moment $now, with whose outlines the program's are that it was signed
-- on ($model_hash), and whether the files have changed since they were measured.
SELECT
    r.*,
    (
        SELECT max(s.engine) FROM segmentations AS s JOIN results AS m ON m.result_id = s.result_id
        WHERE m.series_key = $series_key AND m.model_hash = $model_hash AND NOT coalesce(m.is_read, false)
    ) AS model_engine,
    (
        SELECT arg_max(m.is_outdated, m.finished_at) FROM measured_results AS m
        WHERE m.series_key = $series_key AND m.model_hash = $model_hash AND m.finished_at <= $now::TIMESTAMPTZ
    ) AS is_outdated
FROM results AS r
WHERE r.series_key = $series_key AND r.is_read AND r.finished_at <= $now::TIMESTAMPTZ
QUALIFY row_number() OVER (ORDER BY r.finished_at DESC, r.result_id DESC) = 1;
