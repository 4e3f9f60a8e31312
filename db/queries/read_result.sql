-- The result of $series_key that was signed at the moment $now; whose outlines the program's are that it was signed on
-- ($model_hash), and whether the files have changed since those were measured (measured_results of views.sql, for one
-- series).
WITH readings AS (
    SELECT indexed_at, hash(count(*), bit_xor(hash(path, size_bytes, mtime_ns, coalesce(about_hash, '')))) AS state
    FROM files
    WHERE series_key = $series_key
    GROUP BY indexed_at
),
changes AS (
    SELECT indexed_at FROM readings
    QUALIFY state <> lag(state) OVER (ORDER BY indexed_at)
),
measured AS (
    SELECT result_id, finished_at - to_milliseconds(CAST(1000 * coalesce(seconds, 0) AS BIGINT)) AS began_at
    FROM results
    WHERE series_key = $series_key AND model_hash = $model_hash AND NOT coalesce(is_read, false)
    AND finished_at <= $now::TIMESTAMPTZ
    QUALIFY row_number() OVER (ORDER BY finished_at DESC, result_id DESC) = 1
)
SELECT
    r.*,
    (
        SELECT max(s.engine) FROM segmentations AS s
        WHERE s.series_key = $series_key AND s.result_id = (SELECT result_id FROM measured)
    ) AS model_engine,
    EXISTS (SELECT 1 FROM changes WHERE indexed_at > (SELECT began_at FROM measured)) AS is_outdated
FROM results AS r
WHERE r.series_key = $series_key AND r.is_read AND r.finished_at <= $now::TIMESTAMPTZ
QUALIFY row_number() OVER (ORDER BY r.finished_at DESC, r.result_id DESC) = 1;
