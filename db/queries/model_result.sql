-- The latest result of $series_key that is the program's own, whether or not a reader signed another one since, with
-- whose outlines it was measured on.
SELECT
    r.*,
    (SELECT max(s.engine) FROM segmentations AS s WHERE s.series_key = $series_key AND s.result_id = r.result_id) AS engine,
    (SELECT max(s.anchor) FROM segmentations AS s WHERE s.series_key = $series_key AND s.result_id = r.result_id) AS anchor,
    (SELECT max(s.mask_file) FROM segmentations AS s WHERE s.series_key = $series_key AND s.result_id = r.result_id) AS mask_file
FROM results AS r
WHERE r.series_key = $series_key AND NOT coalesce(r.is_read, false)
QUALIFY row_number() OVER (ORDER BY r.finished_at DESC, r.result_id DESC) = 1;
