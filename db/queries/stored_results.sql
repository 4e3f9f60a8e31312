-- What the program measured in the series $series_keys under $model_hash (NULL: under any; or $own) and
-- $measuring_version, each latest result whole: one row a series with its header and lists of all that belongs to the
-- result. Results with rods under the back are left out: what a phantom shows beside each vertebra is not stored.
WITH latest AS (
    SELECT * FROM results
    WHERE list_contains($series_keys::VARCHAR[], series_key)
    AND ($model_hash IS NULL OR model_hash = $model_hash OR list_contains($own::VARCHAR[], concat(series_key, ' ', model_hash)))
    AND measuring_version = $measuring_version
    AND NOT coalesce(is_read, false)
    QUALIFY row_number() OVER (PARTITION BY series_key ORDER BY finished_at DESC, result_id DESC) = 1
)
SELECT
    r AS result,
    s AS header,
    (
        SELECT list(m ORDER BY m.level) FROM measurements AS m
        WHERE m.series_key = r.series_key AND m.result_id = r.result_id
    ) AS measurements,
    (
        SELECT list(t) FROM tissues AS t WHERE t.series_key = r.series_key AND t.result_id = r.result_id
    ) AS tissues,
    (
        SELECT list(o ORDER BY o.level) FROM segmentations AS o
        WHERE o.series_key = r.series_key AND o.result_id = r.result_id
    ) AS outlined,
    (
        SELECT list(e ORDER BY e.position) FROM exclusions AS e
        WHERE e.series_key = r.series_key AND e.source_id = r.result_id
    ) AS exclusions,
    (
        SELECT list(c ORDER BY c.position) FROM cautions AS c
        WHERE c.series_key = r.series_key AND c.source_id = r.result_id
    ) AS cautions
FROM latest AS r
JOIN current_series AS s ON s.series_key = r.series_key
WHERE r.status <> 'failed'
AND NOT coalesce(r.has_rods, EXISTS (SELECT 1 FROM segmentations AS o WHERE o.result_id = r.result_id))
ORDER BY r.series_key;
